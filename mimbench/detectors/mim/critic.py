"""The patch critic: judges every part of an image, real or inpainted."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["PatchCritic"]


class PatchCritic(nn.Module):
    """Strided convolutions with spectral normalisation; one judgement per patch.

    Source: Yu et al. 2019 (SN-PatchGAN); Miyato et al. 2018, spectral normalisation.
    """

    def __init__(self, width: int = 16) -> None:
        """`width`: channels of the first layer."""
        super().__init__()
        channels = (4, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(channels):
            layers += [
                spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(
            *layers, spectral_norm(nn.Conv2d(channels[-1], 1, 3, padding=1))
        )

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Judge images (N, 3, H, W) with their masks: (N, 1, H / 8, W / 8), higher = more real."""
        judged: Tensor = self.layers(torch.cat([images, masks.to(images.dtype)], dim=1))
        return judged.float()
