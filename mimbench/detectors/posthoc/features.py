"""Scores from penultimate features: distances and densities."""

from collections.abc import Mapping

import torch
from pytorch_ood import detector
from torch import Tensor

from mimbench.detectors.posthoc.outputs import Maker, Outputs, Scorer, Seen
from mimbench.errors import DetectorError

__all__ = ["MAKERS", "nearest"]

NEIGHBOURS = 5
GMM_FLOOR = 1e-2  # of the features' mean variance


def nearest(features: Tensor) -> Scorer:
    """Distance (N,) to the fifth nearest of `features`, all on the unit sphere.

    Source: Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors".
    """
    k = min(NEIGHBOURS, len(features))
    # brute force: the tree that scikit-learn would choose starts threads for every batch
    fitted = detector.KNN(None, k=k, algorithm="brute")
    fitted.fit_features(features, torch.zeros(len(features), dtype=torch.long))
    return lambda outputs: fitted.predict_features(outputs.features)


def _mahalanobis(*, target: bool, relative: bool) -> Maker:
    """Distance to the nearest class or to the target, minus that to all images if relative.

    Our own: with fewer images than features, pytorch-ood 0.4.0 inverts a singular matrix in single
    precision, and what comes out ranks images at random.
    """

    def make(seen: Seen) -> Scorer:
        classes, everything = seen.classes, seen.everything if relative else None

        def score(outputs: Outputs) -> Tensor:
            found = classes.distances(outputs.features)
            distance = found[:, 0] if target else found.amin(1)
            if everything is None:
                return distance
            return distance - everything.distances(outputs.features)[:, 0]

        return score

    return make


def _gmm(seen: Seen) -> Scorer:
    floor = GMM_FLOOR * float(seen.features.var(0).mean())
    if floor <= 0:
        raise DetectorError("all training images have the same features")
    fitted = detector.GMM(None, reg=floor).fit_features(seen.features, seen.labels)
    return lambda outputs: fitted.predict_features(outputs.features)


MAKERS: Mapping[str, Maker] = {
    "mahalanobis": _mahalanobis(target=False, relative=False),
    "mahalanobis-target": _mahalanobis(target=True, relative=False),
    "relative-mahalanobis": _mahalanobis(target=False, relative=True),
    "relative-mahalanobis-target": _mahalanobis(target=True, relative=True),
    "knn": lambda seen: nearest(seen.features),
    "knn-target": lambda seen: nearest(seen.target),
    "gmm": _gmm,
}
