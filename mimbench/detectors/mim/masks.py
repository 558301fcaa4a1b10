"""Masks: bool (N, 1, H, W), True where a pixel is hidden from the generator."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mimbench.errors import DetectorError

__all__ = ["checkerboards", "random_patches"]


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
