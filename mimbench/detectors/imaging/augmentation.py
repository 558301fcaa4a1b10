"""Augmentation: of training images, and of what the critic sees."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

__all__ = ["augment", "differentiable_augment"]

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


def differentiable_augment(
    real: Tensor, inpainted: Tensor, masks: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Change brightness and contrast, shift, and cut out a square: gradients pass through.

    Few images teach a critic to recognise them by heart; it shall not see any of them twice alike.
    A real image and its inpainting are changed alike, so that their features can be compared.

    Args:
        real: float (N, 3, H, H), centred on 0.
        inpainted: the same images, inpainted.
        masks: bool (N, 1, H, H); shifted with their images.
        generator: of the draws, on the CPU.

    Returns:
        Real, then inpainted images (2N, 3, H, H), and the masks of both (2N, 1, H, H).

    Source: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training".
    """
    count, size = len(real), real.shape[-1]
    margin, half = size // 8, size // 2
    light, contrast = (torch.rand(2, count, 1, 1, 1, generator=generator) - 0.5).to(real.device)
    level = real.mean((1, 2, 3), keepdim=True)
    lit = [(images - level) * (1 + contrast) + level + light for images in (real, inpainted)]
    padded = pad(torch.cat([*lit, masks.to(real.dtype)], dim=1), (margin,) * 4)
    shift = torch.randint(2 * margin + 1, (count, 2), generator=generator).tolist()
    corner = torch.randint(half + 1, (count, 2), generator=generator).tolist()
    shifted = torch.stack(
        [maps[:, y : y + size, x : x + size] for maps, (y, x) in zip(padded, shift, strict=True)]
    )
    kept = torch.ones(count, 1, size, size)
    for square, (y, x) in zip(kept, corner, strict=True):
        square[:, y : y + half, x : x + half] = 0
    kept = kept.to(real.device)
    return torch.cat([shifted[:, :3] * kept, shifted[:, 3:6] * kept]), shifted[:, 6:].repeat(
        2, 1, 1, 1
    ) > 0.5
