"""What happens between phones: a messenger's compression, a screenshot."""

import cv2
import numpy as np

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.imagenet_c.digital import jpeg

__all__ = ["KERNELS"]


def messenger(
    images: Images, draws: Draws, result: Images, *, scale: float, first: float, second: float
) -> None:
    """Sent twice: shrunk by `scale` and packed at quality `first`, then packed at `second`."""
    height, width = images.shape[1:3]
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    for image, out in zip(images, result, strict=True):
        sent = jpeg(_resize(image, small), int(first))
        received = jpeg(sent, int(second))
        out[:] = _resize(received, (width, height))


def screenshot(
    images: Images, draws: Draws, result: Images, *, interface: float, quality: float
) -> None:
    """A viewer's screen saved as a picture: bars and buttons take the share `interface`."""
    for index, image in enumerate(images):
        dark, clock = uniform(draws.words(index, 2))
        screen = _screen(image, interface, bool(dark < 0.5), float(clock))
        result[index] = jpeg(screen, int(quality))


def _screen(image: Images, interface: float, dark: bool, clock: float) -> Images:
    height, width = image.shape[:2]
    paper, ink = ((18, 18, 18), (220, 220, 220)) if dark else ((248, 248, 248), (60, 60, 60))
    screen = np.full_like(image, paper)
    shown = 1 - interface
    inner = (max(1, round(width * shown)), max(1, round(height * shown)))
    top, left = round((height - inner[1]) * 0.45), (width - inner[0]) // 2
    screen[top : top + inner[1], left : left + inner[0]] = _resize(image, inner)
    _draw_bars(screen, top, height - top - inner[1], ink, clock)
    return screen


def _draw_bars(
    screen: Images, above: int, below: int, ink: tuple[int, int, int], clock: float
) -> None:
    """A clock, a battery and a title above the picture, buttons under it."""
    height, width = screen.shape[:2]
    text = f"{int(24 * clock):02d}:{int(1440 * clock) % 60:02d}"
    scale = above * 0.4 / 22
    place = (round(0.04 * width), round(above * 0.55))
    cv2.putText(screen, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
    corner = (round(0.88 * width), round(above * 0.25))
    cv2.rectangle(screen, corner, (round(0.96 * width), round(above * 0.55)), ink, -1)
    line = round(above * 0.8)
    cv2.line(screen, (round(0.3 * width), line), (round(0.7 * width), line), ink, 1)
    for button in range(4):
        middle = (round((0.14 + 0.24 * button) * width), height - below // 2)
        cv2.circle(screen, middle, max(1, round(below * 0.25)), ink, max(1, below // 12))


def _resize(image: Images, size: tuple[int, int]) -> Images:
    smaller = size[0] < image.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)


KERNELS = (
    Kernel(
        "messenger",
        messenger,
        {
            "scale": Parameter(0.05, 1, "side of the sent picture, relative to the original"),
            "first": Parameter(1, 100, "JPEG quality of the first sending", whole=True),
            "second": Parameter(1, 100, "JPEG quality of the second sending", whole=True),
        },
    ),
    Kernel(
        "screenshot",
        screenshot,
        {
            "interface": Parameter(0.02, 0.9, "share of the screen's height and width around it"),
            "quality": Parameter(1, 100, "JPEG quality of the saved screen", whole=True),
        },
    ),
)
