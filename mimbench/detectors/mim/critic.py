"""The patch critic: judges every part of an image, real or inpainted."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["PatchCritic"]


class PatchCritic(nn.Module):
    """Strided convolutions with spectral normalisation; one judgement per patch.

    Source: Yu et al. 2019 (SN-PatchGAN); Miyato et al. 2018, spectral normalisation.
    """

    def __init__(self, width: int = 16) -> None:
        """`width`: channels of the first layer; twice and four times as many after."""
        super().__init__()
        channels = (4, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1))
            for inputs, outputs in itertools.pairwise(channels)
        )
        self.judge = spectral_norm(nn.Conv2d(channels[-1], 1, 3, padding=1))

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge images (N, 3, H, W) beside their masks (N, 1, H, W).

        Returns:
            Judgements (N, 1, H / 8, W / 8), unbounded, higher = more real; and the features of
            each layer, for matching.
        """
        maps = torch.cat([images, masks.to(images.dtype)], dim=1)
        features = []
        for layer in self.layers:
            maps = leaky_relu(layer(maps), 0.2)
            features.append(maps)
        return self.judge(maps).float(), features
