"""Facts of files are read off them, and harmonising takes away what tells collections apart."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions, load
from mimbench.data.reading.decoding import decode
from mimbench.data.reading.file_facts import FACTS, crop_plain_borders
from mimbench.data.reading.harmonise import QUALITY

FILE_FACTS = FACTS[:10]


def _noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _bytes(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("quality", [30, 50, 75, 92])
def test_jpeg_quality_is_read_from_the_file(quality):
    photo = decode(_bytes(_noise(64, 48), "JPEG", quality=quality), 32)
    assert photo.facts["jpeg_quality"] == pytest.approx(quality, abs=1.5)


def test_facts_of_a_file():
    exif = Image.Exif()
    exif[0x010F] = "camera"
    data = _bytes(_noise(96, 64), "JPEG", subsampling="4:4:4", progressive=True, exif=exif)
    facts = decode(data, 32).facts
    assert list(facts) == list(FACTS)
    assert (facts["short_side"], facts["long_side"]) == (64, 96)
    assert facts["bytes_per_pixel"] == pytest.approx(len(data) / (96 * 64))
    assert (facts["jpeg"], facts["progressive"], facts["exif"]) == (1, 1, 1)
    assert (facts["png"], facts["chroma_subsampling"], facts["colour_profile"]) == (0, 0, 0)
    assert decode(_bytes(_noise(64, 64), "PNG"), 32).facts["png"] == 1


def test_a_plain_border_is_measured_and_cropped():
    framed = Image.new("RGB", (120, 100), (250, 250, 250))
    framed.paste(_noise(90, 100), (18, 0))
    facts = decode(_bytes(framed, "PNG"), 32).facts
    assert facts["plain_border"] == pytest.approx(18 / 120)
    assert crop_plain_borders(framed, further=0).size == (90, 100)
    assert crop_plain_borders(_noise(120, 100), further=0).size == (120, 100)


def test_a_plain_picture_keeps_its_middle():
    assert crop_plain_borders(Image.new("RGB", (80, 80)), further=0).size == (40, 40)


def test_border_facts_do_not_see_the_middle():
    plain = Image.new("RGB", (100, 100), (120, 90, 80))
    lesion = plain.copy()
    lesion.paste(_noise(80, 80), (10, 10))
    kinds = [decode(_bytes(image, "BMP"), 32).facts for image in (plain, lesion)]
    for name in ("border_level", "border_spread", "border_colour", "border_detail"):
        assert kinds[0][name] == kinds[1][name]
    assert kinds[0]["border_level"] == pytest.approx((120 + 90 + 80) / 3 / 255, abs=1e-4)


def test_harmonised_files_are_told_apart_by_nothing_in_their_header():
    files = [
        _bytes(_noise(300, 200, 1), "PNG"),
        _bytes(_noise(224, 224, 2), "JPEG", quality=60, progressive=True),
        _bytes(_noise(90, 500, 3), "WEBP"),
    ]
    photos = [decode(data, 64, harmonise=True) for data in files]
    for name in set(FILE_FACTS) - {"bytes_per_pixel"}:
        assert len({photo.facts[name] for photo in photos}) == 1
    assert photos[0].facts["jpeg_quality"] == pytest.approx(QUALITY, abs=1.5)
    assert photos[0].facts["long_side"] == 32
    assert all(photo.pixels.shape == (64, 64, 3) for photo in photos)


def test_harmonising_removes_what_is_finer_than_half_the_canonical_size():
    def finest(pixels: np.ndarray) -> float:
        power = np.abs(np.fft.fft2(pixels.mean(axis=2))) ** 2
        high = np.abs(np.fft.fftfreq(64)) > 0.3
        return float(power[np.ix_(high, high)].mean())

    data = _bytes(_noise(64, 64), "PNG")
    assert finest(decode(data, 64, harmonise=True).pixels) < 0.02 * finest(decode(data, 64).pixels)


def test_harmonised_images_keep_their_rows_and_identity(folders: Path):
    plain, alike = (
        load(ImageOptions(data=[str(folders)], canonical_size=32, harmonise=harmonise))
        for harmonise in (False, True)
    )
    assert plain.table.equals(alike.table)
    assert not np.array_equal(plain.pixels, alike.pixels)
    assert set(plain.facts["png"]) == {1.0}
    assert set(alike.facts["png"]) == {0.0}


def test_generated_images_can_be_harmonised_too(folders: Path, monkeypatch):
    monkeypatch.setattr("mimbench.data.sources._ABNORMAL_PER_KIND", 1)
    options = ImageOptions(
        data=[str(folders)], abnormal=["generated"], canonical_size=32, harmonise=True
    )
    dataset = load(options)
    assert set(dataset.facts["jpeg"]) == {1.0}
    assert len(dataset.facts) == len(dataset)
