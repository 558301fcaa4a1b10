"""A file is decoded right, or there is a reason why not; nothing raises."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mimbench.data.reading import opening
from mimbench.data.reading.decoding import decode, read_photos, read_whole
from mimbench.data.reading.opening import MAX_PIXELS, Unreadable

RED, BLUE = (255, 0, 0), (0, 0, 255)


def _halves(mode: str = "RGB", size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def _bytes(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _close(pixel: np.ndarray, colour: tuple[int, int, int], tolerance: int = 3) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= tolerance)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGB"),
        ("JPEG2000", "RGB"),
    ],
)
def test_formats_and_colour_modes_give_the_same_colours(form, mode):
    options = {"lossless": True} if form == "WEBP" else {}
    pixels = decode(_bytes(_halves(mode), form, **options), 64).pixels
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    assert _close(pixels[32, 8], RED)
    assert _close(pixels[32, 56], BLUE)


@pytest.mark.parametrize(("orientation", "row", "column"), [(3, 32, 60), (6, 4, 32), (8, 60, 32)])
def test_exif_orientation_is_applied(orientation, row, column):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode(_bytes(_halves(size=(96, 64)), "PNG", exif=exif), 64)
    assert _close(photo.pixels[row, column], RED)
    assert (photo.width, photo.height) == ((96, 64) if orientation == 3 else (64, 96))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(form):
    image = Image.fromarray(np.full((64, 64), 128 * 257, dtype=np.uint16))
    assert np.unique(decode(_bytes(image, form), 32).pixels).tolist() == [128]


def test_black_and_white_and_grey_become_rgb():
    white = Image.new("1", (32, 32), 1)
    assert (decode(_bytes(white, "PNG"), 32).pixels == 255).all()
    grey = Image.new("LA", (32, 32), (90, 255))
    assert (decode(_bytes(grey, "PNG"), 32).pixels == 90).all()


def test_transparency_is_laid_on_white():
    assert (
        decode(_bytes(Image.new("RGBA", (32, 32), (9, 9, 9, 0)), "PNG"), 32).pixels == 255
    ).all()
    palette = Image.new("P", (32, 32), 0)
    assert (decode(_bytes(palette, "PNG", transparency=0), 32).pixels == 255).all()


def test_of_an_animation_the_first_picture_counts():
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, BLUE)]
    data = _bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert _close(decode(data, 32).pixels[0, 0], RED)


def test_the_middle_square_is_kept_and_the_shape_of_things_with_it():
    image = Image.new("RGB", (300, 100), BLUE)
    image.paste(RED, (100, 0, 200, 100))
    pixels = decode(_bytes(image, "PNG"), 50).pixels
    assert (pixels[:, 4:-4] == RED).all()


def test_an_image_at_the_canonical_size_is_not_touched():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(decode(_bytes(Image.fromarray(noise), "PNG"), 64).pixels, noise)


def test_shrinking_averages_instead_of_picking_pixels():
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    pixels = decode(_bytes(Image.fromarray(board.astype(np.uint8)), "PNG"), 64).pixels
    assert np.abs(pixels.astype(float) - 127.5).max() < 3


def test_a_wrong_extension_does_not_matter(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(_bytes(_halves(), "JPEG"))
    (photo,) = read_photos([path], 32)
    assert photo.format == "JPEG"


def _png_header(width: int, height: int) -> bytes:
    whole = _bytes(Image.new("L", (16, 16)), "PNG")
    header = whole[12:16] + struct.pack(">II", width, height) + whole[24:29]
    return whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"just text", "image format"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (_bytes(_halves(), "JPEG")[:-300], "broken"),
        (_bytes(_halves(), "PNG")[:60], "broken"),
        (_bytes(Image.new("RGB", (1, 1)), "PNG"), "1×1"),
        (_bytes(Image.new("RGB", (400, 8)), "PNG"), "short side"),
        (_png_header(16_000, MAX_PIXELS // 16_000 + 1), "megapixels"),
        (_png_header(60_000, 60_000), "megapixels"),
        (_bytes(Image.fromarray(np.ones((32, 32), dtype=np.float32)), "TIFF"), "floating-point"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "image format"),
    ],
)
def test_what_is_no_photo_says_why(data, reason):
    with pytest.raises(Unreadable, match=reason):
        decode(data, 32)


def test_a_missing_file_is_a_reason_and_the_others_are_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(_bytes(_halves(), "PNG"))
    missing, photo = read_photos([tmp_path / "b.png", path], 32)
    assert missing == "the file does not exist"
    assert photo.pixels.shape == (32, 32, 3)


def test_pillows_own_limit_is_left_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    read_photos([tmp_path / "none.png"], 32)
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "data",
    [
        b"P6\n60000 4000\n255\n\0",
        b"P5\n60000 4000\n255\n\0",
        b"P4\n60000 4000\n\0",
        b"P3\n60000 4000\n255\n1 2 3\n",
        b"P1\n60000 4000\n1\n",
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 60000, 4000, 1, 24, *[0] * 6),
    ],
)
def test_a_header_alone_does_not_cost_what_it_announces(data, monkeypatch):
    def loaded(image: Image.Image) -> None:
        raise AssertionError(f"{image.size} are decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", loaded)
    with pytest.raises(Unreadable, match=rf"60000×4000 .* {len(data)} bytes cannot hold"):
        decode(data, 64)


@pytest.mark.parametrize("form", ["PPM", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_a_file_without_compression_that_is_complete_is_read(form, mode):
    if mode == "I;16":
        image = Image.fromarray(np.full((64, 64), 128 * 257, dtype=np.uint16))
        image = image if form == "PPM" else image.convert("L")
    else:
        image = _halves(mode)
    assert decode(_bytes(image, form), 64).pixels.shape == (64, 64, 3)


def test_what_libtiff_finds_wrong_does_not_reach_the_terminal(capfd):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = bytearray(_bytes(Image.fromarray(noise), "TIFF", compression="tiff_lzw"))
    with Image.open(io.BytesIO(data)) as image:
        first = image.tag_v2[273][0]  # where the pixels begin
    data[first : first + 400] = b"\xff" * 400
    with pytest.raises(Unreadable, match="broken image"):
        decode(bytes(data), 64)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_is_read_and_the_others_are_named(form, tmp_path):
    frames = [Image.new("RGB", (32, 32), (level, level, level)) for level in (0, 120, 240)]
    path = tmp_path / "several"
    path.write_bytes(_bytes(frames[0], form, save_all=True, append_images=frames[1:]))
    (photo,) = read_photos([path], 32)
    assert photo.dropped == "its 2 further frames"
    assert photo.pixels.max() < 10
    whole = read_whole(path)
    assert whole.dropped == "its 2 further frames"


def test_previews_in_a_phones_jpeg_are_no_frames():
    first, preview = Image.new("RGB", (64, 64)), Image.new("RGB", (16, 16))
    data = _bytes(first, "MPO", save_all=True, append_images=[preview])
    assert decode(data, 32).dropped == ""


def _heic(**options) -> bytes:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif comes with mimbench[heif]")
    heif.register_heif_opener()
    return _bytes(_halves(), "HEIF", quality=95, **options)


def test_a_heic_photo_is_read_by_its_content_like_any_other(tmp_path):
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(_heic())
    (photo,) = read_photos([path], 32)
    expected = decode(_bytes(_halves(), "PNG"), 32)
    assert (photo.format, photo.dropped) == ("HEIF", "")
    assert (photo.width, photo.height) == (expected.width, expected.height)
    assert np.abs(photo.pixels.astype(int) - expected.pixels).mean() < 6


def test_a_broken_heic_photo_is_a_reason():
    with pytest.raises(Unreadable, match=r"HEIC|broken"):
        decode(_heic()[:-200], 32)


def test_without_pillow_heif_the_reason_is_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(opening, "_reads_heif", lambda: False)
    with pytest.raises(Unreadable, match=r"HEIC.*mimbench\[heif\]"):
        decode(b"\0\0\0\x18ftypheic" + bytes(50), 32)
