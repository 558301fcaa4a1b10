"""Fifty pictures as cameras, scanners and screenshots make them, in every mode and orientation."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

SIZES = ((64, 64), (100, 75), (75, 100), (333, 120), (90, 411), (17, 23), (640, 481))
ORIENTATION = 0x0112
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def scene(size: tuple[int, int]) -> Image.Image:
    """A picture with edges, colours and some noise."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(size)
    waves = [
        127 + 90 * np.sin(x / 7 + k) * np.cos(y / 5 - k) + 20 * ((x + y) // 9 % 2) for k in range(3)
    ]
    noisy = np.stack(waves, axis=2) + rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, form: str, orientation: int = 1, **options: Any) -> bytes:
    """Bytes of a file of a format, with an EXIF orientation where one is asked for."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image.save(buffer, form, **({"exif": exif} if orientation > 1 else {}), **options)
    return buffer.getvalue()


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16)
        return Image.fromarray(grey * 257 + 90)
    if mode not in ("LA", "RGBA"):
        return image.convert(mode)
    image = image.convert(mode)
    fade = np.linspace(0, 255, image.width).astype(np.uint8)[None].repeat(image.height, 0)
    image.putalpha(Image.fromarray(fade))
    return image


def lossless() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of 40 pictures whose pixels every decoder must give alike."""
    for number, mode in enumerate(PNG_MODES * 3):
        size = SIZES[number % len(SIZES)]
        yield f"{mode} {size} png", encoded(_in_mode(scene(size), mode), "PNG")
    for orientation in range(2, 9):
        yield f"turned {orientation} png", encoded(scene((100, 75)), "PNG", orientation)
        turned = encoded(scene((75, 100)), "WEBP", orientation, lossless=True)
        yield f"turned {orientation} webp", turned
    for size in SIZES[:3]:
        yield f"{size} bmp", encoded(scene(size), "BMP")
    yield "palette gif", encoded(scene((120, 90)).convert("P"), "GIF")
    clear = scene((120, 90)).convert("P", palette=Image.Palette.ADAPTIVE)
    yield "transparent palette png", encoded(clear, "PNG", transparency=3)


def lossy() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of ten pictures that decoders may round differently."""
    for orientation in (1, 3, 6, 8):
        yield f"turned {orientation} jpeg", encoded(scene((640, 481)), "JPEG", orientation)
    yield "grey jpeg", encoded(scene((333, 120)).convert("L"), "JPEG")
    yield "CMYK jpeg", encoded(scene((333, 120)).convert("CMYK"), "JPEG", quality=95)
    yield "progressive jpeg", encoded(scene((640, 481)), "JPEG", progressive=True)
    yield "fine jpeg", encoded(scene((640, 481)), "JPEG", quality=95, subsampling=0)
    yield "large jpeg", encoded(scene((2100, 1500)), "JPEG", 6, quality=92)
    yield "webp", encoded(scene((300, 200)), "WEBP", quality=90)
