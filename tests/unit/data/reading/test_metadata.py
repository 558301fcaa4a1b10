"""A photo with sound pixels is read whatever its metadata is like, and the reader hears of it."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimbench.data.dataset import survey
from mimbench.data.reading.decoding import decode
from mimbench.data.reading.opening import Unreadable

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
TURNED = struct.pack("<HHIH2x", 0x0112, 3, 1, 6)  # orientation: to be turned clockwise


def _saved(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, form, **options)
    return buffer.getvalue()


def _jpeg(segment: bytes, marker: int = 0xE1) -> bytes:
    data = _saved("JPEG", quality=90)
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(segment) + 2) + segment + data[2:]


def _exif(*entries: bytes, values: bytes = b"") -> bytes:
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"Exif\0\0II*\0\x08\0\0\0" + directory + values


def _png(kind: bytes, body: bytes, crc: int | None = None, *, last: bool = False) -> bytes:
    data = _saved("PNG")
    crc = zlib.crc32(kind + body) if crc is None else crc
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)
    at = len(data) - 12 if last else 33
    return data[:at] + chunk + data[at:]


def _tiff(*entries: bytes) -> bytes:
    """An uncompressed TIFF whose directory has further entries."""
    data = _saved("TIFF")
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    own = [data[first + 2 + 12 * k : first + 14 + 12 * k] for k in range(count)]
    new = sorted([*own, *entries], key=lambda entry: struct.unpack_from("<H", entry))
    directory = struct.pack("<H", len(new)) + b"".join(new) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory


LONG = zlib.compress(b"x" * 2_000_000)
AT = 8 + 2 + 24 + 4  # behind a directory of two entries
SIGNED = struct.pack("<HHII", 0x011A, 10, 1, AT)
BROKEN = {
    "JPEG: EXIF of nonsense": _jpeg(b"Exif\0\0" + b"nonsense" * 4),
    "JPEG: EXIF that is cut": _jpeg(_exif(TURNED)[:20]),
    "JPEG: orientation as text": _jpeg(
        _exif(struct.pack("<HHII", 0x0112, 2, 5, AT - 12), values=b"six!\0")
    ),
    "JPEG: orientation 77": _jpeg(_exif(struct.pack("<HHIH2x", 0x0112, 3, 1, 77))),
    "PNG: eXIf that is no TIFF": _png(b"eXIf", b"\0\x08\0\x02" * 9),
    "PNG: eXIf at the end": _png(b"eXIf", b"\0\x08\0\x02" * 9, last=True),
    "PNG: long zTXt": _png(b"zTXt", b"XML\0\0" + LONG),
    "PNG: long iTXt": _png(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG),
    "PNG: long iCCP": _png(b"iCCP", b"profile\0\0" + LONG),
    "PNG: iCCP that is no profile": _png(b"iCCP", b"profile\0\7not compressed at all"),
    "PNG: tEXt with a wrong checksum": _png(b"tEXt", b"Comment\0hello", crc=1),
    "PNG: pHYs that is cut": _png(b"pHYs", b"\0\0"),
    "PNG: gAMA that is cut": _png(b"gAMA", b"\0"),
    "PNG: raw EXIF that is no number": _png(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzzzz\n"),
    "TIFF: EXIF directory outside": _tiff(struct.pack("<HHII", 0x8769, 4, 1, 10**9)),
    "TIFF: resolution outside": _tiff(struct.pack("<HHII", 0x9C9B, 1, 10**6, 10**9)),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_pixels_are_those_of_the_file_without_metadata(data):
    sound = _saved("JPEG", quality=90) if data[:2] == b"\xff\xd8" else _saved("PNG")
    photo = decode(data, 48)
    assert np.array_equal(photo.pixels, decode(sound, 48).pixels)
    assert (photo.width, photo.height) == (64, 48)


@pytest.mark.parametrize(
    "data",
    [
        _jpeg(_exif(TURNED, SIGNED, values=struct.pack("<ii", -1, 0))),
        _jpeg(b"Exif\0\0" + _exif(TURNED)),
    ],
    ids=["a rational number that Pillow cannot write", "a doubled header"],
)
def test_an_orientation_that_can_be_read_is_applied_beside_what_is_broken(data):
    photo = decode(data, 48)
    upright = np.rot90(decode(_saved("JPEG", quality=90), 48).pixels, -1)
    assert np.array_equal(photo.pixels, upright)
    assert (photo.width, photo.height) == (48, 64)


def test_sound_metadata_is_nothing_to_speak_of():
    assert decode(_saved("JPEG"), 48).dropped == ""
    assert decode(_jpeg(_exif(TURNED)), 48).dropped == ""
    assert decode(_jpeg(b"Exif\0\0"), 48).dropped == ""


def test_broken_pixels_are_rejected_however_the_metadata_is():
    for data in (_jpeg(b"Exif\0\0" + b"nonsense" * 4), _png(b"pHYs", b"\0\0")):
        with pytest.raises(Unreadable):
            decode(data[:-400], 48)


@pytest.mark.parametrize("start", [b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"II*\0"])
def test_a_file_that_ends_soon_after_its_start_cannot_be_read(start):
    for rest in (b"", b"\xff", b"\xff\xff", b"\xff\xe1", b"\xff\xe1\x00", b"\xff\xe1\x00\x02"):
        with pytest.raises(Unreadable):
            decode(start + rest, 48)


def test_files_whose_metadata_was_left_out_are_named(tmp_path: Path):
    (tmp_path / "acne").mkdir()
    (tmp_path / "acne" / "sound.jpg").write_bytes(_saved("JPEG"))
    (tmp_path / "acne" / "odd.png").write_bytes(BROKEN["PNG: long zTXt"])
    found = survey([str(tmp_path)], size=32)
    assert len(found.rejected) == 0
    (note,) = [note for note in found.notes if "broken metadata" in note]
    assert "odd.png" in note
    assert "sound.jpg" not in note
