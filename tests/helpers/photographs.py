"""Photographs made of numbers, and what people do to photographs."""

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageEnhance

Change = Callable[[Image.Image], Image.Image]


def photo(seed: int, background: int | None = None) -> Image.Image:
    """Spots on skin; photos with one background differ in the spots and in half of the skin."""
    grey = _skin(seed)
    if background is not None:
        grey[:, :90] = _skin(background)[:, :90]
    rng = np.random.default_rng(seed + 1000)
    for _ in range(12):
        at = int(rng.integers(95, 175)), int(rng.integers(5, 135))
        cv2.circle(grey, at, int(rng.integers(2, 6)), float(rng.uniform(40, 220)), -1)
    colour = np.stack([grey + 30, grey, grey - 20], axis=2)
    return Image.fromarray(colour.clip(0, 255).astype(np.uint8))


def _skin(seed: int, size: tuple[int, int] = (180, 140)) -> np.ndarray:
    """Grain and slow shades, as skin has."""
    rng = np.random.default_rng(seed)
    shades = cv2.resize(rng.normal(0, 20, (4, 5)), size, interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(0, 40, size[::-1]), (0, 0), 1.5)
    return 140 + shades + grain


def blobs(seed: int) -> Image.Image:
    """A smooth picture, in which hardly a keypoint is found."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


def crop(share: float, x: float, y: float) -> Change:
    """A part of this share of the area, at a place between 0 and 1, blown up to the full size."""

    def change(image: Image.Image) -> Image.Image:
        width, height = (round(side * share**0.5) for side in image.size)
        left, top = round(x * (image.width - width)), round(y * (image.height - height))
        part = image.crop((left, top, left + width, top + height))
        return part.resize(image.size, Image.Resampling.BICUBIC)

    return change


def jpeg(quality: int) -> Change:
    """Compressed and read again."""

    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return change


def all_at_once(image: Image.Image) -> Image.Image:
    """Mirrored, cropped, turned, brighter and compressed."""
    image = crop(0.75, 0.2, 0.8)(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    return jpeg(50)(ImageEnhance.Brightness(image.rotate(8, expand=True)).enhance(1.15))


CHANGES: dict[str, Change] = {
    "smaller": lambda image: image.resize((90, 70), Image.Resampling.LANCZOS),
    "squeezed to a square": lambda image: image.resize((100, 100), Image.Resampling.LANCZOS),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 17 degrees": lambda image: image.rotate(17, Image.Resampling.BICUBIC),
    "turned by 45 degrees": lambda image: image.rotate(45, Image.Resampling.BICUBIC, expand=True),
    "cropped by 6 %": crop(0.88, 0.5, 0.5),
    "cropped to 60 %": crop(0.6, 1.0, 0.0),
    "JPEG of quality 30": jpeg(30),
    "all at once": all_at_once,
}
