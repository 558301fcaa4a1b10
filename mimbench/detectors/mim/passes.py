"""A trained generator inpaints images in all passes of a mask, and a critic compares."""

import torch
from torch import Tensor, nn

from mimbench.detectors.imaging.exposure import level

__all__ = ["inpaint_in_passes"]


def inpaint_in_passes(
    generator: nn.Module, critic: nn.Module | None, images: Tensor, masks: Tensor, *, gain: bool
) -> tuple[Tensor, Tensor]:
    """Inpaint what each pass of a mask hides.

    Args:
        generator: from images in units of the visible mean level minus 1, and what is hidden, to
            images in the same units.
        critic: from the same to a map of how real each place is; None where none was trained.
        images: float (N, 3, H, W) in [0, 1].
        masks: bool (P, 1, H, W), what each pass hides.
        gain: divide by the mean level of the visible pixels; False works in fixed units.

    Returns:
        The mean of the inpaintings at each pixel in [0, 1], the original where it was never hidden;
        and the critic's mean preference for the original (N,), 0 without a critic.
    """
    masks = masks.to(images.device)
    total, preference = torch.zeros_like(images), images.new_zeros(len(images))
    for mask in masks:
        hidden = mask.expand(len(images), -1, -1, -1)
        unit = level(images, ~hidden, gain=gain)
        shown = images / unit - 1
        filled = torch.where(hidden, generator(shown, hidden), shown)
        if critic is not None:
            real, fake = critic(shown, hidden)[0], critic(filled, hidden)[0]
            preference += (real - fake).mean((1, 2, 3)) / len(masks)
        total += torch.where(hidden, ((filled + 1) * unit).clamp(0, 1), 0.0)
    passes = masks.sum(0)
    return torch.where(passes > 0, total / passes.clamp(min=1), images), preference
