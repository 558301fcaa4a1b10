"""Controls: rows that are not made to know the target's lesions.

What a control reaches is no evidence for any detector. Lesions of a kind may leave traces in what
it measures, which the swap test shows; they are still no evidence that a detector sees lesions. A
statistic such as roughness has no natural
direction, so the raw ones stand in the table twice, once for each reading.
"""

from collections.abc import Mapping
from typing import Annotated

import cv2
import numpy as np
import torch
from pydantic import Field
from sklearn.covariance import LedoitWolf
from torch import Tensor

from mimbench.data.file_statistics import FILE_STATISTICS
from mimbench.detectors.imaging import shared
from mimbench.detectors.parameters import Pixels
from mimbench.detectors.protocol import Batch, Detector, TrainingSet

__all__ = ["ColourHistogram", "Complexity", "FileStatistics", "UntrainedInpainter", "both_readings"]


def both_readings(roughness: Tensor) -> Mapping[str, Tensor]:
    """Name a roughness (N,) in both directions: rough images are other, or smooth ones are."""
    return {"rough": roughness, "smooth": -roughness}


class UntrainedInpainter(Detector):
    """Error of the harmonic inpainting, which is fitted on no image at all.

    Score: log of the mean absolute error over both checkerboards, divided by the image's mean
    level as MIM's is.

    Source: Laplace's equation, see `mimbench.detectors.imaging.inpainting`.
    """

    random = False
    any_size = True

    def __init__(self, cell: Pixels = 8) -> None:
        """`cell` is the side of a checkerboard's cell, pixels."""
        self.shared = f"inpaint:harmonic:checkerboard-{cell}"
        self.needs = (self.shared,)

    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Log relative inpainting error (N,), in both readings."""
        images = batch.images.float()
        error = (images - batch[self.shared]).abs().mean((1, 2, 3))
        level = images.mean((1, 2, 3)).clamp(min=1.0)
        return both_readings((error / level).clamp(min=1e-6).log())


class Complexity(Detector):
    """How much detail of any kind an image holds, told in three ways, each in both readings.

    - `rough`, `smooth`: log of the mean squared luma gradient, relative to the mean level.
    - `large`, `small`: bytes per pixel after lossless compression as PNG, after Serrà et al. 2020,
      "Input complexity and out-of-distribution detection with likelihood-based generative models".
    - `flat`, `steep`: slope of log power over log spatial frequency; natural images have about -2
      (Field 1987, "Relations between the statistics of natural images").
    """

    random = False
    any_size = True

    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Six scores (N,); the second of each pair is the first one, negated."""
        luma = batch.images.float().mean(1)
        energy = luma.diff(dim=1).square().mean((1, 2)) + luma.diff(dim=2).square().mean((1, 2))
        level = luma.mean((1, 2)).clamp(min=1.0).square()
        size, slope = _compressed_size(batch.images), _spectral_slope(luma)
        return {
            **both_readings((energy / level).clamp(min=1e-9).log()),
            **{"large": size, "small": -size},
            **{"flat": slope, "steep": -slope},
        }


def _compressed_size(images: Tensor) -> Tensor:
    """Bytes per pixel of images uint8 (N, 3, H, W) as PNG: (N,)."""
    arrays = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    sizes = [len(cv2.imencode(".png", array)[1]) for array in arrays]
    return torch.tensor(sizes, dtype=torch.float32) / (images.shape[-1] * images.shape[-2])


def _spectral_slope(luma: Tensor) -> Tensor:
    """Slope of log power over log frequency of luma (N, H, W), least squares over rings: (N,)."""
    height, width = luma.shape[1:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width)).to(luma)
    power = torch.fft.rfft2((luma - luma.mean((1, 2), keepdim=True)) * window).abs().square()
    across, down = torch.fft.rfftfreq(width), torch.fft.fftfreq(height)
    ring = (torch.hypot(down[:, None], across[None]) * min(height, width)).round().long()
    rings = torch.arange(1, min(height, width) // 2)
    mean = torch.stack([power[:, (ring == r).to(luma.device)].mean(1) for r in rings], dim=1)
    # what 8 bits round away has a power of its own, below which there is nothing to see
    floor = window.square().sum() / 12
    x = rings.log() - rings.log().mean()
    return (mean.clamp(min=float(floor)).log() @ x.to(luma)) / x.square().sum().to(luma)


class ColourHistogram(Detector):
    """Hellinger distance of an image's colour histogram to the mean histogram of the target."""

    trains_on = "target"
    random = False
    any_size = True

    def __init__(self, bins: Annotated[int, Field(gt=0, le=64)] = 8) -> None:
        """`bins` per channel; the joint RGB histogram has bins cubed cells."""
        self.bins = bins
        self.mean = torch.zeros(bins**3)

    def histogram(self, images: Tensor) -> Tensor:
        """Joint RGB histogram of uint8 images (N, 3, H, W): float (N, bins³), rows sum to 1."""
        level = images.flatten(2).long() * self.bins // 256
        cell = (level[:, 0] * self.bins + level[:, 1]) * self.bins + level[:, 2]
        counts = torch.stack([row.bincount(minlength=self.bins**3) for row in cell])
        return counts / cell.shape[1]

    def fit(self, train: TrainingSet) -> None:
        """Average the histograms of the target's training images."""
        self.mean = self.histogram(train.target.images).mean(0)

    def score(self, batch: Batch) -> Tensor:
        """Hellinger distance in [0, 1], (N,)."""
        roots = self.histogram(batch.images).sqrt() - self.mean.to(batch.images.device).sqrt()
        return roots.square().sum(1).div(2).sqrt()


class FileStatistics(Detector):
    """Mahalanobis distance to the target in statistics of edges, noise, spectrum, compression.

    None of them measures a lesion's colour, shape or place. Lesions that differ in roughness still
    differ in them, as the swap test shows; most of what this row reaches is how pictures were made.

    The score is on a log scale: a statistic that hardly varies among target images makes the
    distance of another image astronomically large. The scale does not change any rank.
    """

    trains_on = "target"
    random = False
    any_size = True
    needs = (shared.FILE_STATISTICS,)

    def __init__(self) -> None:
        """No parameters."""
        size = len(FILE_STATISTICS)
        self.mean = torch.zeros(size, dtype=torch.float64)
        self.precision = torch.eye(size, dtype=torch.float64)

    def fit(self, train: TrainingSet) -> None:
        """Mean and shrunk covariance (Ledoit and Wolf 2004) of the target's statistics."""
        statistics = train.batch(train.target.images)[shared.FILE_STATISTICS].cpu().numpy()
        spread = statistics.std(0).clip(min=1e-9)
        shrunk = LedoitWolf().fit(statistics / spread)
        self.mean = torch.from_numpy(statistics.mean(0))
        self.precision = torch.from_numpy(shrunk.precision_ / np.outer(spread, spread))

    def score(self, batch: Batch) -> Tensor:
        """Log of 1 + the squared distance (N,), at least 0."""
        gap = batch[shared.FILE_STATISTICS].cpu() - self.mean.cpu()
        squared = torch.einsum("nd,de,ne->n", gap, self.precision.cpu(), gap)
        return squared.clamp(min=0.0).log1p()  # what rounding makes negative is at the mean
