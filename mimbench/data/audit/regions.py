"""Marks at a fixed place, such as a logo, a date or a frame: which part of the picture has one?

A linear classifier sees the fine detail of one part of all pictures. What photographs show there
differs from one to the next and averages out; a mark does not. Like the source probe it is an
audit's finding, never a row of a benchmark: it is fitted on labels of both sides.
"""

import base64
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold

from mimbench.data.audit.probe import FOLDS, LEAST_PATIENTS, fold_influence
from mimbench.statistics.core.estimate import Estimate, missing
from mimbench.statistics.core.influence import combine

__all__ = ["REGIONS", "Mark", "mean_pictures", "strongest_region"]

REGIONS = (
    "upper left",
    "top",
    "upper right",
    "left",
    "centre",
    "right",
    "lower left",
    "bottom",
    "lower right",
)

_SIDE = 112  # pixels a side at which pictures are looked at, or as few as they have
_COARSE = 2.0  # standard deviation, pixels, of the blur whose difference is the fine detail
_CLIP = 3.0  # standard deviations, so that strong edges of what is shown count no more than a mark
_LEAST_SPREAD = 1.0  # grey levels
_RIDGE = 0.3  # of the kernel's mean diagonal
_MOST = 400  # images of each side, for the time's sake
_TOGETHER = 256  # pictures that a mean reads at once
_SHOWN = 168  # pixels a side of a mean picture

Array = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Mark:
    """The part of the picture that separates two collections best.

    Attributes:
        region: one of REGIONS; empty if the estimate is missing.
        estimate: AUROC; 0.5: cannot be separated, 1: always. The interval is corrected for the
            choice among all regions (Bonferroni).
    """

    region: str
    estimate: Estimate


def strongest_region(
    pixels: Pixels,
    rows: Rows,
    other: npt.NDArray[np.bool_],
    patients: pd.Series,
    seed: int = 0,
    level: float = 0.95,
) -> Mark:
    """Find the part of the picture whose fine detail separates two collections best.

    For each part a ridge classifier is fitted on four fifths of the patients and scores the last
    fifth, five times; its AUROC is the mean over the five fits.

    Args:
        pixels: uint8 (N, S, S, 3), RGB, as detectors see them; only those that are looked at are
            read.
        rows: (n,) which of them take part.
        other: bool (n,), whether an image belongs to the other collection.
        patients: one per image.
        seed: of the folds.
        level: of the interval, for all regions together.

    Returns:
        A missing estimate below LEAST_PATIENTS on either side.
    """
    chosen = _at_most(other)
    own, theirs = patients.iloc[chosen], other[chosen]
    codes = own.astype("category").cat.codes.to_numpy(dtype=np.int64)
    sides = [len(set(codes[theirs == side])) for side in (False, True)]
    if min(sides) < LEAST_PATIENTS:
        return Mark("", missing(f"fewer than {LEAST_PATIENTS} patients on one side"))
    split = StratifiedGroupKFold(min(FOLDS, *sides), shuffle=True, random_state=seed)
    folds = list(split.split(codes, theirs, codes))
    detail = np.stack([_detail(picture) for picture in pixels[rows[chosen]]])
    found = []
    for region in REGIONS:
        kernel = _kernel(_part(detail, region))
        terms = [
            fold_influence(_scores(kernel, theirs, fitted, scored), theirs, codes, scored)
            for fitted, scored in folds
        ]
        together = combine(terms, [1 / len(terms)] * len(terms))
        found.append(together.area_estimates(1 - (1 - level) / len(REGIONS))[0])
    best = int(np.argmax([estimate.value for estimate in found]))
    return Mark(REGIONS[best], found[best])


def mean_pictures(pixels: Pixels, rows: Rows, other: npt.NDArray[np.bool_], region: str) -> str:
    """Mean pictures of a region: the reference left, the other collection right.

    Args:
        pixels: uint8 (N, S, S, 3), RGB.
        rows: (n,) which of them take part.
        other: bool (n,), whether an image belongs to the other collection.
        region: one of REGIONS.

    Returns:
        A PNG file as a data URI. It shows what many patients' photographs have in common.
    """
    shown = []
    for side in (False, True):
        mean = _mean(_part(pixels, region), rows[other == side])
        picture = Image.fromarray(np.round(mean).astype(np.uint8))
        shown.append(np.asarray(picture.resize((_SHOWN, _SHOWN), Image.Resampling.NEAREST)))
    gap = np.full((_SHOWN, _SHOWN // 12, 3), 255, dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(np.concatenate([shown[0], gap, shown[1]], axis=1)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _mean(images: npt.NDArray[np.generic], rows: Rows) -> Array:
    """Mean of some pictures, of which few are in memory at a time."""
    total = np.zeros(images.shape[1:])
    for start in range(0, len(rows), _TOGETHER):
        total += images[rows[start : start + _TOGETHER]].sum(axis=0)
    return total / len(rows)


def _at_most(other: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Rows of at most _MOST images of each side, spread evenly."""
    rows = [np.flatnonzero(other == side) for side in (False, True)]
    spread = [own[np.linspace(0, len(own) - 1, min(len(own), _MOST)).astype(int)] for own in rows]
    return np.sort(np.concatenate(spread))


def _detail(picture: Pixels) -> npt.NDArray[np.float32]:
    """What is finer than a few pixels: grey levels without their blur."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    side = min(_SIDE, grey.shape[0])
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine: npt.NDArray[np.float32] = small - cv2.GaussianBlur(small, (0, 0), _COARSE)
    return fine


def _part(images: npt.NDArray[np.generic], region: str) -> npt.NDArray[np.generic]:
    """A third of the height and of the width of each picture (N, S, S, ...)."""
    down, right = divmod(REGIONS.index(region), 3)
    ends = np.round(np.linspace(0, images.shape[1], 4)).astype(int)
    return images[:, ends[down] : ends[down + 1], ends[right] : ends[right + 1]]


def _kernel(part: npt.NDArray[np.generic]) -> Array:
    """Similarity of the detail of every two pictures, whatever its contrast."""
    values = np.asarray(part, dtype=np.float64).reshape(len(part), -1)
    values /= values.std(axis=1, keepdims=True) + _LEAST_SPREAD
    values = np.clip(values, -_CLIP, _CLIP)
    kernel: Array = values @ values.T
    return kernel


def _scores(
    kernel: Array,
    other: npt.NDArray[np.bool_],
    fitted: npt.NDArray[np.integer],
    scored: npt.NDArray[np.integer],
) -> Array:
    """Ridge scores of the pictures `scored`, higher = more like the other collection."""
    inner, outer = kernel[np.ix_(fitted, fitted)], kernel[np.ix_(scored, fitted)]
    mean = inner.mean(axis=0)
    # Both centred on the mean of the fitted pictures.
    outer = outer - outer.mean(axis=1, keepdims=True) - mean + mean.mean()
    inner = inner - mean - mean[:, None] + mean.mean()
    own = other[fitted]
    wanted = np.where(own, 1 / own.sum(), -1 / (~own).sum())
    held = _RIDGE * max(float(np.trace(inner)) / len(inner), 1e-9)
    weights = np.linalg.solve(inner + held * np.eye(len(inner)), wanted)
    scores: Array = outer @ weights
    return scores
