"""Which cells of a feature map are hidden around a cell, and what is seen of the others.

A cell lies in the k-th square around another if the larger of their distances in rows and in
columns is k. Square 0 is the cell itself; squares 0 and 1 are the block of 3 x 3 cells that is
hidden. Ring 1 is the square just outside the block, square 2; ring 2 is square 3, and so on. Near
the rim of the map a block or a ring is what the map has of it.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from mimbench.errors import RecipeError

__all__ = ["FEWEST_CELLS", "Surroundings", "surroundings"]

FEWEST_CELLS = 4  # on a side: in a smaller map the block around some cell leaves no cell to see


@dataclass(frozen=True)
class Surroundings:
    """Averages over parts of a map of P cells; row i of a matrix belongs to cell i.

    Attributes:
        block: float (P, P), the mean of the hidden block, the cell itself included.
        ring: float (P, P), the mean of ring 1.
        seen: float (3, P, P), the means of ring 1, of rings 2 and 3 together, and of all cells
            further away. Where there are none, the row is 0.
    """

    block: Tensor
    ring: Tensor
    seen: Tensor

    def context(self, cells: Tensor) -> Tensor:
        """What is seen around each cell (N, P, C) of a map whose mean is 0: (N, P, 3 C).

        Cells that do not exist count as 0, the mean.
        """
        return torch.cat([part.to(cells) @ cells for part in self.seen], dim=2)

    def roughness(self, cells: Tensor) -> Tensor:
        """Squared distance (N, P) of the hidden block's mean from the mean of ring 1."""
        return ((self.block - self.ring).to(cells) @ cells).square().sum(2)


@lru_cache(maxsize=8)
def surroundings(side: int) -> Surroundings:
    """The surroundings of all cells of a map with side x side cells, row by row.

    Raises:
        RecipeError: the map is too small.
    """
    if side < FEWEST_CELLS:
        raise RecipeError(
            f"The layer gives a map of {side} x {side} cells; to hide 3 x 3 of them takes "
            f"{FEWEST_CELLS} x {FEWEST_CELLS} or more. Choose an earlier layer or larger images."
        )
    index = torch.arange(side)
    places = torch.cartesian_prod(index, index)
    square = (places[:, None] - places[None]).abs().amax(2)
    rings = [square == 2, (square == 3) | (square == 4), square > 4]
    return Surroundings(
        _mean(square < 2), _mean(rings[0]), torch.stack([_mean(ring) for ring in rings])
    )


def _mean(cells: Tensor) -> Tensor:
    """The matrix that averages over the cells of each row; 0 where a row has none."""
    return cells / cells.sum(1, keepdim=True).clamp(min=1)
