"""What a picture looks like as a whole, to know when a detector's answer would mean nothing.

A detector of lesions answers for a page of text, too. Its answer counts only if the picture is lit,
sharp and coloured like the photos whose scores set its threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["BINS", "REASONS", "Guard", "colour_histogram", "fit_guard", "look"]

BINS = 8  # of each channel of the colour histogram
REASONS = ("dark", "bright", "blurred", "unlike")
# share of images that a limit refuses where it is set without their patient
REFUSED = 0.01
TAIL = 0.005  # of the images on each side that do not count for a range
# By which share of its width a range is widened, for each limit the first that refuses few enough:
# few images say little of how far photos of new patients lie.
MARGINS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0)


@dataclass(frozen=True)
class Guard:
    """The range in which a picture is one of those that the detector was fitted on.

    Attributes:
        histogram: float32 (BINS³,), mean colour histogram of the target's images.
        centre, spread: of colour distance and of sharpness over these images.
        darkest, brightest: mean level in [0, 255].
        blurriest: least sharpness.
        most: largest guard score.
    """

    histogram: Tensor
    centre: tuple[float, float]
    spread: tuple[float, float]
    darkest: float
    brightest: float
    blurriest: float
    most: float

    def widened(self, by: float) -> "Guard":
        """The guard with every limit moved outwards by `by`, in the limit's own units."""
        return replace(
            self,
            darkest=self.darkest - by,
            brightest=self.brightest + by,
            blurriest=self.blurriest - by,
            most=self.most + by,
        )

    def score(self, seen: Tensor) -> Tensor:
        """Guard score (N,), higher = less like the target's images.

        Root of the sum of two squared distances in standard deviations: how much further the
        colours are from the mean histogram than usual, and how far the sharpness is from the usual
        one. Noise is moderately far in both.

        Args:
            seen: float (N, 3), see `look`.
        """
        colours = ((seen[:, 2] - self.centre[0]) / self.spread[0]).clamp(min=0)
        detail = (seen[:, 1] - self.centre[1]) / self.spread[1]
        return (colours.square() + detail.square()).sqrt()

    def reasons(self, seen: Tensor) -> NDArray[np.bool_]:
        """Which of REASONS hold: (N, 4). No reason: the detector may answer."""
        level, sharpness = seen[:, 0], seen[:, 1]
        found = [
            level < self.darkest,
            level > self.brightest,
            sharpness < self.blurriest,
            self.score(seen) > self.most,
        ]
        return np.asarray(torch.stack(found, dim=1).numpy())


def colour_histogram(image: Tensor) -> Tensor:
    """Joint RGB histogram of one uint8 image (3, H, W): float32 (BINS³,), sum 1."""
    level = image.flatten(1).long() * BINS // 256
    cell = (level[0] * BINS + level[1]) * BINS + level[2]
    ones = torch.ones(cell.shape[0])
    return torch.zeros(BINS**3).scatter_add(0, cell, ones) / cell.shape[0]


def look(images: Tensor, histogram: Tensor) -> Tensor:
    """What the guard knows of uint8 images (N, 3, H, W).

    Returns:
        float32 (N, 3): mean level in [0, 255]; sharpness, the log of the mean squared luma gradient
        relative to the mean level; Hellinger distance in [0, 1] of the colours to `histogram`.
    """
    luma = images.float().mean(1)
    energy = luma.diff(dim=1).square().mean((1, 2)) + luma.diff(dim=2).square().mean((1, 2))
    level = luma.mean((1, 2))
    sharpness = (energy / level.clamp(min=1.0).square()).clamp(min=1e-9).log()
    colours = torch.stack([colour_histogram(image) for image in images])
    distance = (colours.sqrt() - histogram.sqrt()).square().sum(1).div(2).sqrt()
    return torch.stack([level, sharpness, distance], dim=1)


def fit_guard(images: Tensor, patients: list[str]) -> tuple[Guard, NDArray[np.bool_]]:
    """Fit a guard on images of the target, none of them only tested.

    Args:
        images: uint8 (N, 3, H, W).
        patients: one per image.

    Returns:
        The guard; and which of REASONS hold for each image (N, 4) by a guard that was fitted
        without the images of its patient.
    """
    histograms = torch.stack([colour_histogram(image) for image in images])
    codes = torch.from_numpy(np.unique(np.asarray(patients), return_inverse=True)[1])
    groups = [codes == code for code in range(int(codes.max()) + 1)]
    if len(groups) == 1:
        groups = [torch.zeros_like(codes, dtype=torch.bool)]
    seen = look(images, histograms.mean(0))
    for own in groups:  # no image is compared with a mean of which it is a part
        if own.any():
            seen[own] = look(images[own], histograms[~own].mean(0))
    tried = np.zeros((len(MARGINS), len(images), len(REASONS)), dtype=bool)
    for number, margin in enumerate(MARGINS):
        for own in groups:
            without = _fitted(histograms[~own].mean(0), seen[~own], [margin] * len(REASONS))
            tried[number, own.numpy()] = without.reasons(seen[own])
    enough = tried.mean(1) <= REFUSED
    enough[-1] = True
    first = enough.argmax(0)
    margins = [MARGINS[number] for number in first]
    return _fitted(histograms.mean(0), seen, margins), np.stack(
        [tried[number, :, reason] for reason, number in enumerate(first)], axis=1
    )


def _fitted(histogram: Tensor, seen: Tensor, margins: Sequence[float]) -> Guard:
    """A guard whose limits lie a share of the range outside it, in the order of REASONS."""
    level, sharpness, distance = seen.double().unbind(1)
    dark, bright, blurred, unlike = margins
    spreads = [max(float(one.std(correction=0)), 1e-3) for one in (distance, sharpness)]
    guard = Guard(
        histogram,
        (float(distance.mean()), float(sharpness.mean())),
        (spreads[0], spreads[1]),
        _range(level, dark)[0],
        _range(level, bright)[1],
        _range(sharpness, blurred)[0],
        np.inf,
    )
    return replace(guard, most=_range(guard.score(seen), unlike)[1])


def _range(values: Tensor, margin: float) -> tuple[float, float]:
    low, high = np.quantile(values.double().numpy(), [TAIL, 1 - TAIL])
    widened = margin * max(high - low, 1e-6)
    return float(low - widened), float(high + widened)
