"""Where the phone is held: tilted against the skin, or turned.

What the camera would see beyond the picture's edge is mirrored from inside.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS", "tilt"]

# Focal length of a phone's main camera, about 26 mm on a 36 mm wide frame
FOCAL = 26 / 36


def perspective(images: Images, draws: Draws, result: Images, *, degrees: float) -> None:
    """The camera tilted by `degrees` about a random axis in the picture."""
    height, width = images.shape[1:3]
    for index, image in enumerate(images):
        axis = 2 * np.pi * float(uniform(draws.words(index, 1))[0])
        matrix = tilt(np.radians(degrees), axis, height, width)
        result[index] = cv2.warpPerspective(
            image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101
        )


def tilt(angle: float, axis: float, height: int, width: int) -> NDArray[np.float64]:
    """Homography (3, 3) of a plane turned by `angle` about the in-plane direction `axis`, radians.

    The middle of the picture stays in its place and size.
    """
    x, y = np.cos(axis), np.sin(axis)
    cross = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    focal = FOCAL * max(height, width)
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    # points of the plane at the distance where one pixel is one pixel
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], [0.0, 0.0, focal]])
    centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    matrix = camera @ plane @ centre
    return np.asarray(matrix / matrix[2, 2], np.float64)


def rotation(images: Images, draws: Draws, result: Images, *, degrees: float) -> None:
    """The camera turned by `degrees`, clockwise or not."""
    height, width = images.shape[1:3]
    middle = ((width - 1) / 2, (height - 1) / 2)
    for index, image in enumerate(images):
        sign = 1 if uniform(draws.words(index, 1))[0] < 0.5 else -1
        matrix = cv2.getRotationMatrix2D(middle, sign * degrees, 1.0)
        result[index] = cv2.warpAffine(
            image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101
        )


KERNELS = (
    Kernel("perspective", perspective, {"degrees": Parameter(0, 60, "tilt, degrees")}),
    Kernel("rotation", rotation, {"degrees": Parameter(0, 180, "turn, degrees")}),
)
