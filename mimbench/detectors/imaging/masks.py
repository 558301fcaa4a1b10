"""Masks: bool (passes, 1, H, W), True where a pixel is hidden from the generator.

| name | passes | each pixel is hidden |
|---|---|---|
| `checkerboard-8` | 2 | once |
| `checkerboard-4-8-16` | 2 per cell size | once per cell size |
| `patches-8-6` | 6 random halves of the 8-px cells, in complementary pairs | 3 times |
| `strokes-8` | 8 drawings of free-form strokes | up to 8 times; a few never |
| `centre` | 1 | once in the central quarter, else never |

They are the same for every image. What is never hidden is not measured.
"""

import itertools
import re

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mimbench.errors import DetectorError, RecipeError

__all__ = ["build_masks", "checkerboards", "parse_mask", "random_patches", "require_grid"]

MOST_PASSES = 256
KINDS = re.compile(r"checkerboard(-[1-9]\d*)+|patches-[1-9]\d*-[1-9]\d*|strokes-[1-9]\d*|centre")


def parse_mask(name: str) -> tuple[str, list[int]]:
    """Split "patches-8-6" into its kind and numbers.

    Raises:
        RecipeError: no such mask.
    """
    kind, *numbers = name.split("-")
    values = [int(number) for number in numbers if number.isdecimal()]
    passes = values[-1] if kind in ("patches", "strokes") and values else 0
    odd = kind == "patches" and passes % 2
    if not KINDS.fullmatch(name) or odd or passes > MOST_PASSES:
        raise RecipeError(
            f"There is no mask '{name}'; known: checkerboard-<cell>[-<cell>...], "
            "patches-<cell>-<even number of passes>, strokes-<passes>, centre; "
            f"{MOST_PASSES} passes or fewer."
        )
    return kind, values


def build_masks(name: str, size: int) -> Tensor:
    """The masks of one name, as the table above says.

    Args:
        name: for example "checkerboard-8".
        size: side of the images, pixels.

    Returns:
        bool (passes, 1, size, size).

    Raises:
        RecipeError: no such mask.
        DetectorError: fewer than two cells fit into a side.
    """
    kind, values = parse_mask(name)
    generator = torch.Generator().manual_seed(0)
    if kind == "checkerboard":
        return torch.cat([checkerboards(size, cell) for cell in values])
    if kind == "patches":
        cell, passes = values
        half = random_patches(passes // 2, size, generator, (cell,), (0.5, 0.5))
        return torch.cat([half, ~half])
    if kind == "strokes":
        return torch.stack([_strokes(size, generator) for _ in range(values[0])])
    block = torch.zeros(1, 1, size, size, dtype=torch.bool)
    block[..., size // 4 : size - size // 4, size // 4 : size - size // 4] = True
    return block


def checkerboards(size: int, cell: int) -> Tensor:
    """Two complementary checkerboards: every pixel is hidden in exactly one of them.

    Args:
        size: side of the images, pixels.
        cell: side of a cell, pixels; cells at the right and lower edge may be cut.

    Returns:
        bool (2, 1, size, size).

    Raises:
        DetectorError: fewer than two cells fit into a side.
    """
    require_grid(size, cell)
    index = torch.arange(size) // cell
    odd = (index[:, None] + index[None, :]) % 2 == 1
    return torch.stack([odd, ~odd]).unsqueeze(1)


def random_patches(
    count: int,
    size: int,
    generator: torch.Generator,
    cells: tuple[int, ...] = (4, 8, 16),
    hidden: tuple[float, float] = (0.25, 0.75),
) -> Tensor:
    """Random square patches; each image has one cell size and exactly its share of hidden cells.

    Args:
        count: number of masks N.
        size: side of the images, pixels.
        generator: of the draws, on the CPU.
        cells: cell sizes to draw from, pixels; what does not fit twice into a side is left out.
        hidden: range of the share of cells that are hidden, drawn per image.

    Returns:
        bool (N, 1, size, size).

    Raises:
        DetectorError: no cell size fits.
    """
    fitting = [cell for cell in cells if 2 * cell <= size]
    if not fitting:
        require_grid(size, min(cells))
    low, high = hidden
    share = low + (high - low) * torch.rand(count, 1, generator=generator)
    choice = torch.randint(len(fitting), (count,), generator=generator)
    masks = torch.empty(count, 1, size, size, dtype=torch.bool)
    for index, cell in enumerate(fitting):
        side = -(-size // cell)
        rank = torch.rand(count, side**2, generator=generator).argsort(1).argsort(1)
        coarse = (rank < (share * side**2).round()).view(count, 1, side, side)
        fine = interpolate(coarse.float(), scale_factor=cell)[..., :size, :size].bool()
        masks = torch.where((choice == index).view(-1, 1, 1, 1), fine, masks)
    return masks


def require_grid(size: int, cell: int) -> None:
    """Raise DetectorError unless two cells fit into a side."""
    if cell < 1 or 2 * cell > size:
        raise DetectorError(
            f"A mask of {cell} px cells does not fit images of {size} px: two cells must fit into "
            "a side; choose a smaller cell or a larger input_size."
        )


def _strokes(size: int, generator: torch.Generator) -> Tensor:
    """Four polylines of random turns: a free-form mask.

    Source: after Yu et al. 2019, "Free-form image inpainting with gated convolution", algorithm 1.
    """
    canvas = np.zeros((size, size), dtype=np.uint8)
    for _ in range(4):
        draws = torch.rand(14, generator=generator).tolist()
        turns = np.cumsum([(draw - 0.5) * 2.5 for draw in draws[3:]]) + 2 * np.pi * draws[2]
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * size / 6
        points = (np.array(draws[:2]) * size + np.cumsum(steps, axis=0)) % size
        thickness = max(size // 8, 2)
        for start, end in itertools.pairwise(points.round().astype(int).tolist()):
            # a step that wraps around an edge is not drawn across the whole image
            if np.abs(np.subtract(start, end)).max() < size // 2:
                cv2.line(canvas, start, end, 1, thickness)
    return torch.from_numpy(canvas.astype(bool)).unsqueeze(0)
