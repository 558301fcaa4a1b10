"""What lies over the skin: hairs, a ruler, a pen mark, a finger at the edge.

Shapes are drawn enlarged and averaged down, so that thin ones look right at any resolution.
Lengths are relative to the shorter side.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.linear_light import from_linear, to_linear

__all__ = ["KERNELS"]

ENLARGED = 4
PER_HAIR = 8
VIOLET_INK = np.array([0.10, 0.02, 0.28], np.float32)  # share of light that a pen mark lets through

Values = NDArray[np.float64]
Mask = NDArray[np.float32]


def hair(images: Images, draws: Draws, result: Images, *, count: float, width: float) -> None:
    """Dark hairs that grow in about the same direction, `count` of them, `width` thick."""

    def cover(image: Images, values: Values) -> Images:
        light = to_linear(image)
        for one in values[1:].reshape(-1, PER_HAIR):
            draw = partial(_draw_hair, values=one, growth=np.pi * values[0], width=width)
            brown = (0.01 + 0.04 * one[7]) * np.array([1.6, 1.0, 0.6])
            light += 0.8 * _mask(image, draw)[..., None] * (brown.astype(np.float32) - light)
        return from_linear(light)

    _each(images, draws, result, 1 + int(count) * PER_HAIR, cover)


def _draw_hair(canvas: Images, values: Values, growth: float, width: float) -> None:
    side = min(canvas.shape)
    turn, length = growth + 1.2 * (values[2] - 0.5), side * (0.25 + 0.45 * values[3])
    middle = values[:2] * (canvas.shape[1], canvas.shape[0])
    along = np.array([np.cos(turn), np.sin(turn)])
    bend = np.array([-along[1], along[0]]) * (values[4] - 0.5) * length * 0.5
    t = np.linspace(-0.5, 0.5, 24)[:, None]
    points = middle + t * length * along + (4 * t**2 - 0.5) * bend
    thickness = width * side * (0.7 + 0.6 * values[5])
    _polyline(canvas, points, max(1, round(thickness)))
    _polyline(canvas, points[8:], max(1, round(1.4 * thickness)))  # thicker towards the root


def ruler(images: Images, draws: Draws, result: Images, *, depth: float) -> None:
    """A white ruler with black marks that reaches `depth` into the picture from one edge."""

    def cover(image: Images, values: Values) -> Images:
        turns = int(4 * values[0])
        turned = np.rot90(image, turns)
        length, reach = turned.shape[1], depth * min(image.shape[:2])
        strip = max(1, round(reach))
        drawn = _draw_ruler(length, strip, min(image.shape[:2]), values[1])
        covered = turned.copy()
        covered[:strip] = drawn
        return np.rot90(covered, -turns)

    _each(images, draws, result, 2, cover)


def _draw_ruler(length: int, strip: int, side: int, start: float) -> Images:
    canvas = np.full((strip * ENLARGED, length * ENLARGED, 3), (232, 236, 238), np.uint8)
    step = side * ENLARGED / 40  # a millimetre, where the picture shows four centimetres
    for mark in range(int(length * ENLARGED / step) + 2):
        share = 0.6 if mark % 10 == 0 else 0.45 if mark % 5 == 0 else 0.3
        x = int((mark - start) * step)
        bottom = canvas.shape[0]
        thickness = max(1, round(step / 8))
        cv2.line(canvas, (x, bottom), (x, int(bottom * (1 - share))), (20, 20, 20), thickness)
    cv2.line(canvas, (0, bottom - 1), (canvas.shape[1], bottom - 1), (120, 120, 120), ENLARGED)
    return np.asarray(cv2.resize(canvas, (length, strip), interpolation=cv2.INTER_AREA), np.uint8)


def marker(images: Images, draws: Draws, result: Images, *, arc: float, width: float) -> None:
    """A violet surgical pen mark: an `arc` (share of a circle) around the middle, `width` thick."""

    def cover(image: Images, values: Values) -> Images:
        mask = _mask(image, partial(_draw_arc, values=values, arc=arc, width=width))
        passed = 1 - 0.85 * mask[..., None] * (1 - VIOLET_INK)
        return from_linear(to_linear(image) * passed)

    _each(images, draws, result, 6, cover)


def _draw_arc(canvas: Images, values: Values, arc: float, width: float) -> None:
    side = min(canvas.shape)
    angles = 2 * np.pi * (values[0] + arc * np.linspace(0, 1, 80))
    wobble = (
        1 + 0.06 * np.sin(3 * angles + 6 * values[1]) + 0.04 * np.sin(5 * angles + 6 * values[2])
    )
    radius = side * (0.3 + 0.1 * values[3]) * wobble
    middle = np.array([canvas.shape[1], canvas.shape[0]]) * (0.5 + 0.1 * (values[4:6] - 0.5))
    points = middle + np.column_stack([np.cos(angles), np.sin(angles)]) * radius[:, None]
    _polyline(canvas, points, max(1, round(width * side)))


def finger(images: Images, draws: Draws, result: Images, *, depth: float) -> None:
    """A fingertip before the lens: skin-coloured, out of focus, `depth` into the picture."""

    def cover(image: Images, values: Values) -> Images:
        mask = _mask(image, partial(_draw_fingertip, values=values, depth=depth))
        blur = 0.04 * min(image.shape[:2])
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), blur), np.float32)[..., None]
        light = to_linear(image)
        warm = np.array([1.15, 0.8, 0.7], np.float32) * (0.5 + 0.4 * np.float32(values[2]))
        colour = light.mean(axis=(0, 1)) * warm  # light shines through it: redder, darker
        return from_linear(light + mask * (colour - light))

    _each(images, draws, result, 3, cover)


def _draw_fingertip(canvas: Images, values: Values, depth: float) -> None:
    height, width = canvas.shape
    side = min(height, width)
    edge = int(4 * values[0])
    place = 0.25 + 0.5 * values[1]
    long, short = 0.6 * side, 0.28 * side
    outside = long - depth * side  # how far the middle of the ellipse lies beyond the edge
    x, y = (
        (place * width, -outside),
        (width + outside, place * height),
        (place * width, height + outside),
        (-outside, place * height),
    )[edge]
    axes = (short, long) if edge % 2 == 0 else (long, short)
    cv2.ellipse(canvas, (round(x), round(y)), (round(axes[0]), round(axes[1])), 0, 0, 360, 255, -1)


def _each(
    images: Images,
    draws: Draws,
    result: Images,
    count: int,
    cover: Callable[[Images, Values], Images],
) -> None:
    for index, image in enumerate(images):
        result[index] = cover(image, uniform(draws.words(index, count)))


def _mask(image: Images, draw: Callable[[Images], None]) -> Mask:
    """Share of each pixel that a shape covers, 0..1."""
    height, width = image.shape[:2]
    canvas = np.zeros((height * ENLARGED, width * ENLARGED), np.uint8)
    draw(canvas)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _polyline(canvas: Images, points: Values, thickness: int) -> None:
    path = np.round(points).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [path], isClosed=False, color=255, thickness=thickness)


KERNELS = (
    Kernel(
        "hair",
        hair,
        {
            "count": Parameter(1, 200, "number of hairs", whole=True),
            "width": Parameter(0.001, 0.1, "of a hair, relative to the shorter side"),
        },
    ),
    Kernel(
        "ruler",
        ruler,
        {"depth": Parameter(0.01, 0.5, "of the ruler, relative to the shorter side")},
    ),
    Kernel(
        "marker",
        marker,
        {
            "arc": Parameter(0.01, 1, "length of the mark, share of a circle"),
            "width": Parameter(0.001, 0.1, "of the stroke, relative to the shorter side"),
        },
    ),
    Kernel(
        "finger",
        finger,
        {"depth": Parameter(0.01, 0.6, "reach into the picture, relative to the shorter side")},
    ),
)
