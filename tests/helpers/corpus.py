"""Odd and malformed image files: all formats and modes, cut, broken and mislabelled."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

FORMS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM", "ICO", "TGA", "PDF", "EPS")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F")
SIZES = ((1, 1), (16, 16), (40, 30), (17, 200), (300, 20))
SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".heic", ".gif", "")


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """Noise in any mode."""
    shape = (size[1], size[0])
    rng = np.random.default_rng(shape)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, shape, dtype=np.uint16))
    return Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)).convert(mode)


def whole_file(form: str, mode: str, size: tuple[int, int]) -> bytes:
    """A sound file, in the nearest mode that the format can hold; some are animated."""
    image, buffer = picture(mode, size), io.BytesIO()
    options = {"save_all": True, "append_images": [image]} if form in ("GIF", "WEBP") else {}
    try:
        image.save(buffer, form, **options)
    except (OSError, ValueError, KeyError):
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, form)
    return buffer.getvalue()


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(data: bytes, rng: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        broken[rng.randrange(min(len(broken), 400))] = rng.randrange(256)
    return bytes(broken)


def _insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 200)) + data[at:]


def _headless(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randint(1, 30) :]


def _only_the_head(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(8, 40)] + rng.randbytes(300)


def _zeroed(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes(len(data) - at)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda data, rng: data,
    _cut,
    _flip,
    _insert,
    _headless,
    _only_the_head,
    _zeroed,
)


def write_corpus(folder: Path, count: int, seed: int = 0) -> int:
    """Write `count` odd files below folder/acne, and return how many."""
    rng = random.Random(seed)
    (folder / "acne").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        data = whole_file(rng.choice(FORMS), rng.choice(MODES), rng.choice(SIZES))
        data = rng.choice(MUTATIONS)(data, rng)
        suffix = rng.choice(SUFFIXES[:-1])
        (folder / "acne" / f"odd{number:03}{suffix}").write_bytes(data)
    return count
