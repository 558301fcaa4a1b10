"""The untrained inpainter, whose images MIM's contrast and the controls share."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimbench.detectors.imaging.masks import build_masks
from mimbench.errors import DetectorError

__all__ = ["provide", "telea"]

PREFIX = "inpaint:telea:"
RADIUS = 3  # of the neighbourhood that Telea's method weighs, pixels


def telea(images: Tensor, mask: str = "checkerboard-8") -> Tensor:
    """Inpaint every pixel that a mask hides from what it shows, as MIM does.

    Args:
        images: uint8 (N, 3, H, H), RGB.
        mask: name of the mask; a pixel that is hidden in several passes gets their mean.

    Returns:
        uint8 (N, 3, H, H) on the CPU; pixels that are never hidden are the original's.

    Raises:
        RecipeError: no such mask.
        DetectorError: the mask does not fit the images.

    Source: Telea 2004, "An image inpainting technique based on the fast marching method"; OpenCV.
    """
    masks = build_masks(mask, images.shape[-1])[:, 0].numpy()
    arrays = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    # OpenCV releases the interpreter lock, so threads do run side by side.
    with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as pool:
        inpainted = list(pool.map(lambda image: _inpaint(image, masks), arrays))
    return torch.from_numpy(np.stack(inpainted)).permute(0, 3, 1, 2).contiguous()


def provide(name: str, images: Tensor) -> Tensor:
    """Compute the shared output "inpaint:telea:<mask>", e.g. "inpaint:telea:checkerboard-8".

    Args:
        name: of the output.
        images: uint8 (N, 3, H, H), RGB.

    Returns:
        uint8 (N, 3, H, H) on the device of `images`.

    Raises:
        DetectorError: no such output.
    """
    if not name.startswith(PREFIX):
        raise DetectorError(f"There is no shared output '{name}'; known: {PREFIX}<mask>.")
    return telea(images, name.removeprefix(PREFIX)).to(images.device)


def _inpaint(image: NDArray[np.uint8], masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    total = np.zeros(image.shape, dtype=np.int64)
    passes = masks.sum(axis=0)[..., None]
    for mask in masks:
        # OpenCV's method reads a few pixels under the mask (up to 5 levels of difference at its
        # rim), so they are given the visible pixels' mean before it sees them.
        shown = image.copy()
        shown[mask] = image[~mask].mean(0).round()
        filled = cv2.inpaint(shown, mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
        total[mask] += filled[mask]
    mean = (2 * total + passes) // np.maximum(2 * passes, 1)  # rounded half up
    return np.where(passes > 0, mean, image).astype(np.uint8)
