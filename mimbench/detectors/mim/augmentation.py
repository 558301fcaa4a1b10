"""Augmentation of training images: where the lesion lies and how the light falls tells nothing."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

__all__ = ["augment"]

ANGLE = math.radians(15)
SCALE = (0.8, 1.0)
COLOUR = 0.1


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Flip and turn by quarters; half of the images are also turned, cropped a little and scaled.

    Channels are scaled and contrast is changed by up to 10 %.

    Args:
        images: float (N, 3, H, H) in [0, 1], on any device.
        generator: of the draws, on the CPU.

    Returns:
        float (N, 3, H, H), not below 0.
    """
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    # Resampling blurs, so half of the images are only flipped and turned by quarters.
    free = (uniform(0, 1) < 0.5).float()
    angle = (uniform(0, 4).floor() * (math.pi / 2)) + free * uniform(-ANGLE, ANGLE)
    scale = 1 - free * (1 - uniform(*SCALE))
    flip = uniform(0, 1).round() * 2 - 1
    cos, sin = scale * angle.cos(), scale * angle.sin()
    shift = uniform(-1, 1, 2) * (1 - scale)[:, None]
    rotation = torch.stack([cos * flip, -sin, sin * flip, cos], dim=1).view(-1, 2, 2)
    theta = torch.cat([rotation, shift[:, :, None]], dim=2).to(images.device)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    moved = grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    tint = uniform(1 - COLOUR, 1 + COLOUR, 3, 1, 1).to(images.device)
    contrast = uniform(1 - COLOUR, 1 + COLOUR, 1, 1, 1).to(images.device)
    level = moved.mean((1, 2, 3), keepdim=True)
    return ((moved - level) * contrast + level).mul(tint).clamp(min=0.0)
