"""What a file says about its making before anybody looks at the lesion: size, format, borders."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin

__all__ = ["FACTS", "border_facts", "crop_plain_borders", "header_facts"]

Facts = Mapping[str, float]

_HEADER = (
    "short_side",
    "long_side",
    "bytes_per_pixel",
    "jpeg",
    "png",
    "jpeg_quality",
    "chroma_subsampling",
    "progressive",
    "exif",
    "colour_profile",
)
_BORDER = ("border_level", "border_spread", "border_colour", "border_detail", "plain_border")
FACTS = _HEADER + _BORDER

_FRAME = 0.03  # of the short side
_LARGEST_BORDER = 0.25  # of a side; what is plain beyond that may be the subject
_PLAIN = 16  # levels by which a plain line may vary: JPEG lets flat colour ripple that much
_LINES = 64  # that are looked at together
_JPEG_STANDARD_MEAN = 57.625


def header_facts(image: Image.Image, width: int, height: int, size_in_bytes: int) -> Facts:
    """Size, format and compression of a file as opened by Pillow.

    `jpeg_quality` is that of the IJG's encoder with the same mean luma quantisation, 0..100, and 0
    where there is none; `chroma_subsampling` is 0 (none), 1 (4:2:2) or 2 (4:2:0).

    Source: Independent JPEG Group's libjpeg, jcparam.c, jpeg_quality_scaling.
    """
    jpeg = image.format in ("JPEG", "MPO")
    sampling = JpegImagePlugin.get_sampling(image) if jpeg else 0
    values = (
        min(width, height),
        max(width, height),
        size_in_bytes / (width * height),
        jpeg,
        image.format == "PNG",
        _jpeg_quality(image) if jpeg else 0,
        max(sampling, 0),
        "progressive" in image.info or "progression" in image.info,
        bool(image.info.get("exif")),
        "icc_profile" in image.info,
    )
    return dict(zip(_HEADER, map(float, values), strict=True))


def _jpeg_quality(image: Image.Image) -> float:
    tables: Mapping[int, list[int]] = getattr(image, "quantization", {})
    if not tables:
        return 0.0
    scale = 100 * float(np.mean(tables[min(tables)])) / _JPEG_STANDARD_MEAN
    return min(100.0, (200 - scale) / 2 if scale <= 100 else 5000 / scale)


def border_facts(rgb: Image.Image) -> Facts:
    """Level, spread, colour and detail (all 0..1) of the outermost 3 %, and the plain border.

    `plain_border` is the width of the widest border of one colour, as a share of its side.
    """
    width, height = rgb.size
    frame = max(2, round(_FRAME * min(width, height)))
    boxes = [
        (0, 0, width, frame),
        (0, height - frame, width, height),
        (0, frame, frame, height - frame),
        (width - frame, frame, width, height - frame),
    ]
    strips = [np.asarray(rgb.crop(box), dtype=np.float32) / 255 for box in boxes]
    pixels = np.concatenate([strip.reshape(-1, 3) for strip in strips])
    along = (1, 1, 0, 0)  # the strips' long axes
    steps = [np.abs(np.diff(strip, axis=a)).mean() for strip, a in zip(strips, along, strict=True)]
    left, top, right, bottom = _plain_borders(rgb)
    values = (
        pixels.mean(),
        pixels.mean(axis=1).std(),
        (pixels.max(axis=1) - pixels.min(axis=1)).mean(),
        np.mean(steps),
        max(left / width, top / height, right / width, bottom / height),
    )
    return dict(zip(_BORDER, map(float, values), strict=True))


def crop_plain_borders(rgb: Image.Image, further: float = 0.02) -> Image.Image:
    """Cut borders of one colour, at most a quarter of a side each, and a bit of what is left.

    Args:
        rgb: any size.
        further: share of each side to cut after that, because borders seldom end sharply.
    """
    left, top, right, bottom = _plain_borders(rgb)
    width, height = rgb.width - left - right, rgb.height - top - bottom
    more_x, more_y = round(further * width), round(further * height)
    return rgb.crop(
        (
            left + more_x,
            top + more_y,
            rgb.width - right - more_x,
            rgb.height - bottom - more_y,
        )
    )


def _plain_borders(rgb: Image.Image) -> tuple[int, int, int, int]:
    """Width of the plain border on the left, at the top, on the right and at the bottom."""
    width, height = rgb.size
    across, down = int(_LARGEST_BORDER * width), int(_LARGEST_BORDER * height)
    return (
        _plain_lines(across, lambda k, n: _columns(rgb, (k, 0, n, height))),
        _plain_lines(down, lambda k, n: _rows(rgb, (0, k, width, n))),
        _plain_lines(across, lambda k, n: _columns(rgb, (width - n, 0, width - k, height))[::-1]),
        _plain_lines(down, lambda k, n: _rows(rgb, (0, height - n, width, height - k))[::-1]),
    )


def _rows(rgb: Image.Image, box: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    return np.asarray(rgb.crop(box))


def _columns(rgb: Image.Image, box: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    return _rows(rgb, box).transpose(1, 0, 2)


def _plain_lines(outermost: int, lines: Callable[[int, int], npt.NDArray[np.uint8]]) -> int:
    """How many of the outermost lines show the same single colour.

    Args:
        outermost: how many lines to look at.
        lines: those from the `k`-th to before the `n`-th, counted from outside.
    """
    first = lines(0, 1)[0]
    if np.ptp(first, axis=0).max() > _PLAIN:  # most photos: spare them the rest
        return 0
    lowest, highest = first.min(axis=0).astype(np.int16), first.max(axis=0).astype(np.int16)
    for k in range(0, outermost, _LINES):
        block = lines(k, min(k + _LINES, outermost))
        low, high = block.min(axis=1).astype(np.int16), block.max(axis=1).astype(np.int16)
        same = np.maximum(high, highest) - np.minimum(low, lowest) <= _PLAIN
        if not same.all():
            return k + int(np.argmin(same.all(axis=1)))
    return outermost
