"""The untrained inpainter, whose images MIM's contrast and the controls share.

It solves Laplace's equation in the hidden pixels: each is the mean of its neighbours, the visible
neighbours are given, and nothing flows over the image's rim. For a fixed mask this is linear, so
each hidden area is one matrix, computed once. The cells of a checkerboard do not touch and are
alike: their matrices are 64 × 32 at 8 px.
"""

from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu
from torch import Tensor

from mimbench.detectors.imaging.masks import build_masks
from mimbench.errors import DetectorError

__all__ = ["harmonic", "provide"]

PREFIX = "inpaint:harmonic:"
MOST_WEIGHTS = 2**26  # of one hidden area: 256 MiB in float32
STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # to the four neighbours of a pixel


class Areas(NamedTuple):
    """Hidden areas of one shape: k areas of n pixels, each with m visible neighbours."""

    hidden: Tensor  # int64 (k, n), places in the flattened image
    visible: Tensor  # int64 (k, m)
    weights: Tensor  # float32 (n, m); rows sum to 1


def harmonic(images: Tensor, mask: str = "checkerboard-8") -> Tensor:
    """Inpaint every pixel that a mask hides from what it shows, as MIM does.

    Args:
        images: uint8 (N, 3, H, H), RGB.
        mask: name of the mask; a pixel that is hidden in several passes gets their mean.

    Returns:
        float32 (N, 3, H, H) in [0, 255] on the device of `images`; pixels that are never hidden
        are the original's.

    Raises:
        RecipeError: no such mask.
        DetectorError: the mask does not fit the images, or hides an area that is too large.

    Source: Laplace's equation with Dirichlet boundary at the visible pixels and Neumann boundary
        at the rim; "membrane" interpolation of Bertalmío et al. 2000, "Image inpainting", sec. 2.
    """
    size = images.shape[-1]
    original = images.flatten(2).float()
    total = torch.zeros_like(original)
    for areas in _passes(mask, size):
        for hidden, visible, weights in areas:
            boundary = original[:, :, visible.to(images.device)]  # (N, 3, k, m)
            filled = boundary @ weights.to(images.device).mT  # (N, 3, k, n)
            total[:, :, hidden.to(images.device)] += filled
    passes = build_masks(mask, size).sum(0).flatten().to(images.device)
    mean = (total / passes.clamp(min=1)).clamp(0, 255)
    return torch.where(passes > 0, mean, original).view_as(images)


def provide(name: str, images: Tensor) -> Tensor:
    """Compute the shared output "inpaint:harmonic:<mask>", e.g. "inpaint:harmonic:checkerboard-8".

    Args:
        name: of the output.
        images: uint8 (N, 3, H, H), RGB.

    Returns:
        float32 (N, 3, H, H) in [0, 255] on the device of `images`.

    Raises:
        DetectorError: no such output.
    """
    if not name.startswith(PREFIX):
        raise DetectorError(f"There is no shared output '{name}'; known: {PREFIX}<mask>.")
    return harmonic(images, name.removeprefix(PREFIX))


@lru_cache(maxsize=8)
def _passes(mask: str, size: int) -> tuple[tuple[Areas, ...], ...]:
    """The hidden areas of each pass of a mask on images of one size."""
    return tuple(_areas(hidden, mask) for hidden in build_masks(mask, size)[:, 0].numpy())


def _areas(hidden: NDArray[np.bool_], mask: str) -> tuple[Areas, ...]:
    """Group the connected areas of one pass by their shape; areas of one shape share a matrix."""
    width = hidden.shape[1]
    labels, count = label(hidden)
    groups = defaultdict(list)
    for area in range(1, count + 1):
        inside = labels == area
        rim = binary_dilation(inside) & ~inside  # all visible: a hidden pixel would belong to it
        unknown, known = np.argwhere(inside), np.argwhere(rim)
        if len(unknown) * len(known) > MOST_WEIGHTS:
            raise DetectorError(
                f"The mask '{mask}' hides an area of {len(unknown):,} pixels at {width} px, which "
                "is too large for the untrained inpainter; choose a checkerboard or a smaller "
                "input_size."
            )
        corner = unknown.min(0)
        shape = ((unknown - corner).tobytes(), (known - corner).tobytes())
        groups[shape].append((unknown, known))
    return tuple(
        Areas(
            torch.from_numpy(np.stack([unknown @ (width, 1) for unknown, _ in alike])),
            torch.from_numpy(np.stack([known @ (width, 1) for _, known in alike])),
            _weights(*alike[0], hidden.shape),
        )
        for alike in groups.values()
    )


def _weights(unknown: NDArray[np.intp], known: NDArray[np.intp], shape: tuple[int, ...]) -> Tensor:
    """The solution's weights on the visible pixels: float32 (n, m)."""
    place = np.full(shape, -1)
    place[tuple(unknown.T)] = np.arange(len(unknown))
    place[tuple(known.T)] = len(unknown) + np.arange(len(known))
    neighbours = unknown[:, None] + np.array(STEPS)
    within = ((neighbours >= 0) & (neighbours < shape)).all(-1)
    rows, columns = np.nonzero(within)[0], place[tuple(neighbours[within].T)]
    size = (len(unknown), len(unknown) + len(known))
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=size).tocsc()
    laplacian = diags_array(links.sum(axis=1)) - links[:, : len(unknown)]
    solved = splu(laplacian.tocsc()).solve(links[:, len(unknown) :].toarray())
    return torch.from_numpy(solved.astype(np.float32))
