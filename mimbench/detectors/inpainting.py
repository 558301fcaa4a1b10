"""The untrained inpainter, whose images MIM's contrast and the controls share."""

import re
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimbench.detectors.mim.masks import checkerboards
from mimbench.errors import DetectorError

__all__ = ["provide", "telea"]

RADIUS = 3  # of the neighbourhood that Telea's method weighs, pixels


def telea(images: Tensor, cell: int = 8) -> Tensor:
    """Inpaint every pixel once, in two complementary checkerboards, from what the other one shows.

    Args:
        images: uint8 (N, 3, H, H), RGB.
        cell: side of a checkerboard's cell, pixels.

    Returns:
        uint8 (N, 3, H, H) on the CPU, composed of hidden pixels only.

    Raises:
        DetectorError: the checkerboard does not fit the images.

    Source: Telea 2004, "An image inpainting technique based on the fast marching method"; OpenCV.
    """
    masks = checkerboards(images.shape[-1], cell)[:, 0].numpy()
    arrays = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    # OpenCV releases the interpreter lock, so threads do run side by side.
    with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as pool:
        inpainted = list(pool.map(lambda image: _inpaint(image, masks), arrays))
    return torch.from_numpy(np.stack(inpainted)).permute(0, 3, 1, 2).contiguous()


def provide(name: str, images: Tensor) -> Tensor:
    """Compute the shared output "inpaint:telea:<cell>", e.g. "inpaint:telea:8".

    Args:
        name: of the output.
        images: uint8 (N, 3, H, H), RGB.

    Returns:
        uint8 (N, 3, H, H) on the device of `images`.

    Raises:
        DetectorError: no such output.
    """
    match = re.fullmatch(r"inpaint:telea:([1-9]\d*)", name)
    if match is None:
        raise DetectorError(f"There is no shared output '{name}'; known: inpaint:telea:<cell>.")
    return telea(images, int(match[1])).to(images.device)


def _inpaint(image: NDArray[np.uint8], masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    composed = np.empty_like(image)
    for mask in masks:
        # OpenCV's method reads a few pixels under the mask (up to 5 levels of difference at its
        # rim), so they are given the visible pixels' mean before it sees them.
        shown = image.copy()
        shown[mask] = image[~mask].mean(0).round()
        filled = cv2.inpaint(shown, mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
        composed[mask] = filled[mask]
    return composed
