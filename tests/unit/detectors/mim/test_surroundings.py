"""What is hidden around a cell of a feature map, and what is seen of the others."""

import pytest
import torch

from mimbench.detectors.mim.surroundings import surroundings
from mimbench.errors import RecipeError

SIDE = 7


def drawn(weights: torch.Tensor) -> list[str]:
    """A row of averaging weights as a picture of the map."""
    rows = weights.view(SIDE, SIDE) > 0
    return ["".join("#" if cell else "." for cell in row) for row in rows.tolist()]


def at(row: int, column: int) -> int:
    return row * SIDE + column


def test_the_block_is_hidden_and_rings_begin_outside_it() -> None:
    places, cell = surroundings(SIDE), at(2, 2)
    assert drawn(places.block[cell]) == [
        ".......",
        ".###...",
        ".###...",
        ".###...",
        ".......",
        ".......",
        ".......",
    ]
    assert drawn(places.seen[0, cell]) == [
        "#####..",
        "#...#..",
        "#...#..",
        "#...#..",
        "#####..",
        ".......",
        ".......",
    ]
    assert torch.equal(places.ring, places.seen[0])
    assert drawn(places.seen[1, cell]) == [*[".....##"] * 5, *["#######"] * 2]
    assert drawn(places.seen[2, cell]) == ["......."] * 7


def test_at_the_rim_a_block_and_a_ring_are_what_the_map_has_of_them() -> None:
    places, corner = surroundings(SIDE), at(0, 0)
    assert drawn(places.block[corner]) == ["##.....", "##.....", *["......."] * 5]
    assert drawn(places.ring[corner]) == ["..#....", "..#....", "###....", *["......."] * 4]
    assert drawn(places.seen[1, corner]) == [*["...##.."] * 3, *["#####.."] * 2, *["......."] * 2]
    assert drawn(places.seen[2, corner]) == [*[".....##"] * 5, *["#######"] * 2]
    assert places.ring[corner].max() == pytest.approx(1 / 5)


def test_all_are_means_and_what_does_not_exist_is_the_mean_of_the_map() -> None:
    places = surroundings(SIDE)
    for mean in (places.block, places.ring, *places.seen):
        total = mean.sum(1)
        assert torch.allclose(total[total > 0], torch.ones(()))
    # the nine cells in the middle have no cell more than four away
    assert int((places.seen[2].sum(1) == 0).sum()) == 9
    assert places.context(torch.ones(1, SIDE**2, 1))[0, at(3, 3)].tolist() == pytest.approx(
        [1, 1, 0]
    )


def test_a_hidden_cell_is_in_no_context() -> None:
    places = surroundings(SIDE)
    cells = torch.randn(2, SIDE**2, 5, generator=torch.Generator().manual_seed(0))
    before = places.context(cells)
    for cell in (at(0, 0), at(0, 3), at(3, 3), at(5, 6)):
        changed = cells.clone()
        changed[:, places.block[cell] > 0] += 100
        assert torch.equal(places.context(changed)[:, cell], before[:, cell])


def test_a_map_too_small_to_hide_a_block_is_refused() -> None:
    surroundings(4)
    with pytest.raises(RecipeError, match=r"3 x 3 cells.*4 x 4"):
        surroundings(3)
