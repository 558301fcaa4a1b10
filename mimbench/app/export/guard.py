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
from torch.nn.functional import avg_pool2d

__all__ = ["BINS", "REASONS", "Guard", "colours", "fit_guard", "look"]

BINS = 32  # of the shares of red and of green in a pixel's colour
DETAIL = 4  # measures of detail, see `look`
HALVINGS = 2  # sizes beside the picture's own at which gradients are measured
RIDGE = 0.05  # added to correlations, which few images give badly
LEAST_SPREAD = 1e-3  # of a measure over the target's images
REASONS = ("dark", "bright", "blurred", "unlike")
# share of images that a limit refuses where it is set without their patient
REFUSED = 0.01
MOST_REFUSED = len(REASONS) * REFUSED  # share of the validation images that all limits refuse
LOOSENED = ("blurred", "bright", "dark", "unlike")  # what finds least is loosened first
TAIL = 0.005  # of the images on each side that do not count for a range
# By which share of its width a range is widened, for each limit the first that refuses few enough:
# few images say little of how far photos of new patients lie.
MARGINS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0)


@dataclass(frozen=True)
class Guard:
    """The range in which a picture is one of those that the detector was fitted on.

    Attributes:
        histogram: float32 (BINS²,), mean histogram of the colours of the target's images.
        centre: float32 (DETAIL + 1,), mean of what `look` measures beside the level.
        whitening: float32 (DETAIL + 1, DETAIL + 1), makes their deviations uncorrelated, of unit
            variance.
        darkest, brightest: mean level in [0, 255].
        blurriest: least sharpness.
        most: largest guard score.
    """

    histogram: Tensor
    centre: Tensor
    whitening: Tensor
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

        Mahalanobis distance of colours and detail to those of the target's images: pages of text
        have more edges for their amount of detail, noise has more detail at its own size than at
        smaller ones, both have other colours.

        Args:
            seen: float (N, DETAIL + 2), see `look`.
        """
        return ((seen[:, 1:] - self.centre) @ self.whitening).square().sum(1).sqrt()

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


def colours(image: Tensor) -> Tensor:
    """Histogram of one uint8 image (3, H, W): float32 (BINS²,), sum 1.

    Of the shares of red and of green in each pixel's sum, so that light does not count.
    """
    level = image.flatten(1).long()
    share = (level * BINS // level.sum(0).clamp(min=1)).clamp(max=BINS - 1)
    cell = share[0] * BINS + share[1]
    ones = torch.ones(cell.shape[0])
    return torch.zeros(BINS**2).scatter_add(0, cell, ones) / cell.shape[0]


def look(images: Tensor, histogram: Tensor) -> Tensor:
    """What the guard knows of uint8 images (N, 3, H, W).

    Returns:
        float32 (N, DETAIL + 2): mean level in [0, 255]; sharpness, the log of the mean squared luma
        gradient relative to the mean level; what is left of that gradient at half and at a quarter
        of the size (logs), in place of the spectrum's slope; the log of the gradient's kurtosis,
        which is high where few edges hold all detail; Hellinger distance in [0, 1] of the colours
        to `histogram`.
    """
    luma = images.float().mean(1)
    level = luma.mean((1, 2))
    across = luma.diff(dim=2).square()
    energy = _energy(luma)
    sharpness = (energy / level.clamp(min=1.0).square()).clamp(min=1e-9).log()
    left, smaller = [], luma
    for _ in range(HALVINGS):
        smaller = avg_pool2d(smaller, 2)
        left.append((_energy(smaller) / energy).log())
    edges = (across.square().mean((1, 2)) / across.mean((1, 2)).clamp(min=1e-3).square()).log1p()
    histograms = torch.stack([colours(image) for image in images])
    distance = (histograms.sqrt() - histogram.sqrt()).square().sum(1).div(2).sqrt()
    return torch.stack([level, sharpness, *left, edges, distance], dim=1)


def _energy(luma: Tensor) -> Tensor:
    """Mean squared gradient (N,) of luma (N, H, W); not 0, so that its log is a number."""
    down, across = luma.diff(dim=1).square(), luma.diff(dim=2).square()
    return (down.mean((1, 2)) + across.mean((1, 2))).clamp(min=1e-6)


def fit_guard(
    images: Tensor, patients: list[str], validation: NDArray[np.bool_]
) -> tuple[Guard, NDArray[np.bool_]]:
    """Fit a guard on images of the target, none of them only tested.

    Args:
        images: uint8 (N, 3, H, W).
        patients: one per image.
        validation: (N,), images of which all limits together may refuse few.

    Returns:
        The guard; and which of REASONS hold for each image (N, 4) by a guard that was fitted
        without the images of its patient.
    """
    histograms = torch.stack([colours(image) for image in images])
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
    first = _together(tried, enough.argmax(0), validation)
    margins = [MARGINS[number] for number in first]
    return _fitted(histograms.mean(0), seen, margins), _chosen(tried, first)


def _together(
    tried: NDArray[np.bool_], alone: NDArray[np.int64], validation: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Margins with which all limits together refuse few validation images, by their place.

    Args:
        tried: (margins, N, len(REASONS)), which of REASONS hold with one margin for all.
        alone: (len(REASONS),), the margin that does for each limit alone; none is below it.
        validation: (N,), these images.
    """
    first, reasons = alone.copy(), [REASONS.index(name) for name in LOOSENED]
    for reason in reasons:
        while first[reason] < len(MARGINS) - 1 and _refused(tried, first, validation):
            first[reason] += 1
    for reason in reversed(reasons):  # what was loosened in vain
        while first[reason] > alone[reason]:
            first[reason] -= 1
            if _refused(tried, first, validation):
                first[reason] += 1
                break
    return first


def _chosen(tried: NDArray[np.bool_], margins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of REASONS hold (N, len(REASONS)) with one of MARGINS for each, by its place."""
    return np.stack([tried[number, :, reason] for reason, number in enumerate(margins)], axis=1)


def _refused(
    tried: NDArray[np.bool_], margins: NDArray[np.int64], validation: NDArray[np.bool_]
) -> bool:
    """Whether these margins leave too many validation images without an answer."""
    return bool(_chosen(tried, margins)[validation].any(1).mean() > MOST_REFUSED)


def _fitted(histogram: Tensor, seen: Tensor, margins: Sequence[float]) -> Guard:
    """A guard whose limits lie a share of the range outside it, in the order of REASONS."""
    level, sharpness = seen[:, 0].double(), seen[:, 1].double()
    dark, bright, blurred, unlike = margins
    centre, whitening = _whitening(seen[:, 1:].double())
    guard = Guard(
        histogram,
        centre,
        whitening,
        _range(level, dark)[0],
        _range(level, bright)[1],
        _range(sharpness, blurred)[0],
        np.inf,
    )
    return replace(guard, most=_range(guard.score(seen), unlike)[1])


def _whitening(measured: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and `whitening` of a guard from float64 (N, DETAIL + 1)."""
    spread = measured.std(dim=0, correction=0).clamp(min=LEAST_SPREAD)
    scaled = (measured - measured.mean(0)) / spread
    correlation = scaled.T @ scaled / len(scaled) + RIDGE * torch.eye(DETAIL + 1)
    root = torch.linalg.cholesky(torch.linalg.inv(correlation))
    return measured.mean(0).float(), (root / spread[:, None]).float()


def _range(values: Tensor, margin: float) -> tuple[float, float]:
    low, high = np.quantile(values.double().numpy(), [TAIL, 1 - TAIL])
    widened = margin * max(high - low, 1e-6)
    return float(low - widened), float(high + widened)
