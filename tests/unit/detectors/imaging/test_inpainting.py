"""The untrained inpainter solves Laplace's equation in what a mask hides."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from mimbench.detectors.imaging.inpainting import harmonic, provide
from mimbench.detectors.imaging.masks import build_masks
from mimbench.errors import DetectorError, RecipeError

SIZE = 24


def noise(count: int = 2, size: int = SIZE) -> Tensor:
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, size, size), generator=draws).byte()


def neighbours_mean(images: Tensor) -> Tensor:
    """Mean of the four neighbours; a pixel at the rim counts for the neighbour that it lacks."""
    wide = pad(images, (1, 1, 1, 1), mode="replicate")
    across = wide[..., 1:-1, 2:] + wide[..., 1:-1, :-2]
    return (across + wide[..., 2:, 1:-1] + wide[..., :-2, 1:-1]) / 4


def relaxed(images: Tensor, hidden: Tensor) -> Tensor:
    """Laplace's equation by iteration: the reference."""
    inpainted = torch.where(hidden, 128.0, images.double())
    for _ in range(4000):
        inpainted = torch.where(hidden, neighbours_mean(inpainted), inpainted)
    return inpainted


@pytest.mark.parametrize("mask", ["checkerboard-8", "checkerboard-5", "centre", "patches-4-2"])
def test_each_hidden_pixel_is_the_mean_of_its_neighbours(mask: str) -> None:
    images = noise()
    expected = torch.zeros(images.shape, dtype=torch.float64)
    masks = build_masks(mask, SIZE)
    for hidden in masks:
        expected += torch.where(hidden, relaxed(images, hidden), 0.0)
    expected = torch.where(masks.any(0), expected / masks.sum(0).clamp(min=1), images.double())
    assert torch.allclose(harmonic(images, mask).double(), expected, atol=1e-2)


def test_a_pixel_that_several_passes_hide_gets_their_mean() -> None:
    images = noise()
    one, other = harmonic(images, "checkerboard-4"), harmonic(images, "checkerboard-8")
    both = harmonic(images, "checkerboard-4-8")
    assert torch.allclose(both, (one + other) / 2, atol=1e-3)


@pytest.mark.parametrize("mask", ["checkerboard-8", "patches-4-2", "centre"])
def test_what_is_hidden_changes_nothing(mask: str) -> None:
    images = noise()
    (hidden, *others) = build_masks(mask, SIZE)
    alone = hidden & ~torch.stack([*others, torch.zeros_like(hidden)]).any(0)
    changed = torch.where(hidden, 255 - images, images)
    before, after = harmonic(images, mask), harmonic(changed, mask)
    assert torch.equal(before[alone.expand_as(images)], after[alone.expand_as(images)])


def test_a_flat_image_is_inpainted_without_error() -> None:
    flat = torch.full((1, 3, SIZE, SIZE), 77, dtype=torch.uint8)
    assert torch.allclose(harmonic(flat), flat.float(), atol=1e-3)


def test_the_shared_output_is_named_after_its_mask() -> None:
    images = noise()
    assert torch.equal(provide("inpaint:harmonic:centre", images), harmonic(images, "centre"))
    with pytest.raises(DetectorError, match="inpaint:harmonic:<mask>"):
        provide("inpaint:other:centre", images)
    with pytest.raises(RecipeError, match="checkerboard"):
        provide("inpaint:harmonic:diamonds", images)


def test_an_area_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimbench.detectors.imaging.inpainting.MOST_WEIGHTS", 1000)
    with pytest.raises(DetectorError, match=r"576 pixels .*48 px.*checkerboard"):
        harmonic(noise(size=48), "centre")
