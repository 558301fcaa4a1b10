"""Scores from penultimate features: distances and densities."""

from collections.abc import Mapping

import torch
from pytorch_ood import detector
from torch import Tensor
from torch.nn.functional import normalize

from mimbench.detectors.classifier.posthoc.outputs import (
    Maker,
    Outputs,
    Score,
    Scorer,
    TrainingOutputs,
)
from mimbench.errors import DetectorError

__all__ = ["SCORES"]

NEIGHBOURS = 5
GMM_FLOOR = 1e-2  # of the features' mean variance


def _nearest(*, target: bool) -> Maker:
    """Distance to the fifth nearest training image, or to the target's, on the unit sphere.

    Source: Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors".
    """

    def make(training: TrainingOutputs) -> Scorer:
        chosen = (
            training.labels == 0 if target else torch.ones_like(training.labels, dtype=torch.bool)
        )
        bank, k = (
            normalize(training.places)[chosen].T.contiguous(),
            min(NEIGHBOURS, int(chosen.sum())),
        )

        def score(outputs: Outputs) -> Tensor:
            coordinates = training.coordinates(outputs)
            unit = outputs.once("unit", lambda: normalize(coordinates))
            cosine = (unit @ bank).topk(k, dim=1).values[:, -1]
            return (2 - 2 * cosine).clamp(min=0).sqrt()

        return score

    return make


def _mahalanobis(*, target: bool, relative: bool) -> Maker:
    """Distance to the nearest class or to the target, minus that to all images if relative.

    Our own: with fewer images than features, pytorch-ood 0.4.0 inverts a singular matrix in single
    precision, and what comes out ranks images at random.
    """

    def make(training: TrainingOutputs) -> Scorer:
        classes, everything = training.classes, training.everything if relative else None

        def score(outputs: Outputs) -> Tensor:
            places = training.coordinates(outputs)
            found = outputs.once("classes", lambda: classes.distances(places))
            distance = found[:, 0] if target else found.amin(1)
            if everything is None:
                return distance
            return distance - outputs.once("all", lambda: everything.distances(places)[:, 0])

        return score

    return make


def _gmm(training: TrainingOutputs) -> Scorer:
    """Minus the log likelihood, up to what all classes have in common outside the span."""
    floor = GMM_FLOOR * float(training.features.var(0).mean())
    if floor <= 0:
        raise DetectorError("all training images have the same features")
    fitted = detector.GMM(None, reg=floor).fit_features(training.places, training.labels)
    return lambda outputs: fitted.predict_features(training.coordinates(outputs))


SCORES: Mapping[str, Score] = {
    "mahalanobis": Score(_mahalanobis(target=False, relative=False), "training"),
    "mahalanobis-target": Score(_mahalanobis(target=True, relative=False), "training", "detection"),
    "relative-mahalanobis": Score(_mahalanobis(target=False, relative=True), "training"),
    "relative-mahalanobis-target": Score(
        _mahalanobis(target=True, relative=True), "training", "detection"
    ),
    "knn": Score(_nearest(target=False), "training"),
    "knn-target": Score(_nearest(target=True), "training", "detection"),
    "gmm": Score(_gmm, "training"),
}
