"""Masks hide what they promise."""

import pytest
import torch

from mimbench.detectors.imaging.masks import build_masks, checkerboards, random_patches
from mimbench.errors import DetectorError, RecipeError


@pytest.mark.parametrize(("size", "cell"), [(64, 8), (64, 4), (64, 16), (60, 8), (32, 5)])
def test_two_checkerboards_hide_each_pixel_exactly_once(size: int, cell: int) -> None:
    boards = checkerboards(size, cell)
    assert boards.shape == (2, 1, size, size)
    assert torch.equal(boards.sum(0), torch.ones(1, size, size, dtype=torch.long))
    assert boards[0, 0, :cell, :cell].unique().numel() == 1
    assert boards[0, 0, 0, 0] != boards[0, 0, 0, cell]


def test_random_patches_hide_shares_and_squares_within_their_range() -> None:
    masks = random_patches(400, 64, torch.Generator().manual_seed(0))
    assert masks.shape == (400, 1, 64, 64)
    share = masks.float().mean((1, 2, 3))
    assert share.mean().sub(0.5).abs() < 0.02
    assert share.min() >= 0.25
    assert share.max() <= 0.75
    # Every mask is made of whole 4-px squares, some of larger ones only.
    for cell, all_of_them in ((4, True), (8, False), (16, False)):
        corners = masks[..., ::cell, ::cell]
        blown_up = corners.repeat_interleave(cell, 2).repeat_interleave(cell, 3)
        whole = (blown_up == masks).flatten(1).all(1)
        assert whole.all() == all_of_them
        assert whole.float().mean() > 0.25


def test_random_patches_depend_on_their_generator_alone() -> None:
    one, again, other = (
        random_patches(8, 64, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("size", "cell"), [(12, 8), (64, 0), (64, 33)])
def test_a_grid_that_does_not_fit_is_refused(size: int, cell: int) -> None:
    with pytest.raises(DetectorError, match=f"{cell} px cells does not fit images of {size} px"):
        checkerboards(size, cell)


@pytest.mark.parametrize(
    ("name", "passes", "times"),
    [("checkerboard-8", 2, 1), ("checkerboard-4-8-16", 6, 3), ("patches-8-6", 6, 3)],
)
def test_masks_that_promise_so_hide_each_pixel_equally_often(
    name: str, passes: int, times: int
) -> None:
    masks = build_masks(name, 64)
    assert masks.shape == (passes, 1, 64, 64)
    assert (masks.sum(0) == times).all()
    assert torch.equal(masks, build_masks(name, 64))


def test_strokes_leave_few_pixels_unmeasured_and_never_hide_most() -> None:
    for size in (64, 128):
        masks = build_masks("strokes-8", size)
        assert (masks.sum(0) == 0).float().mean() < 0.03
        share = masks.float().mean((1, 2, 3))
        assert share.min() > 0.25
        assert share.max() < 0.75


def test_the_centre_is_the_central_quarter() -> None:
    mask = build_masks("centre", 64)
    assert mask[0, 0, 16:48, 16:48].all()
    assert mask.float().mean() == 0.25


@pytest.mark.parametrize("name", ["patches-8-3", "patches-8", "stripes", "checkerboard-0", ""])
def test_a_mask_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match=f"no mask '{name}'"):
        build_masks(name, 64)
