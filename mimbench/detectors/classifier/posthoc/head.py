"""Scores from penultimate features and the linear head that reads them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_ood import detector
from torch import Tensor, nn

from mimbench.detectors.classifier.posthoc.outputs import (
    Maker,
    Outputs,
    Score,
    Scorer,
    TrainingOutputs,
)
from mimbench.errors import DetectorError

__all__ = ["SCORES"]

KEPT_WEIGHTS = 0.7  # DICE: share of contributions that are dropped; the paper's for ImageNet
DROPOUT_SAMPLES = 30


def _vim(training: TrainingOutputs) -> Scorer:
    """Virtual logit of the residual space; as many principal directions as the images can show."""
    head, (n, d) = training.head(), training.features.shape
    fitted = detector.ViM(
        None, max(1, min(n, d) // 2), training.span.functionals(head.weight), head.bias
    )
    fitted.fit_features(training.places, training.labels)
    return lambda outputs: fitted.predict_features(training.coordinates(outputs))


def _pnml(training: TrainingOutputs) -> Scorer:
    n, d = training.features.shape
    if n <= d:
        raise DetectorError(
            f"its regret falls instead of rising outside the span of the training features; it "
            f"needs more than {d} training images, there are {n}"
        )
    return _on_features(
        detector.PNML(None, training.head()).fit_features(training.features, training.labels)
    )


def _dice(training: TrainingOutputs) -> Scorer:
    head = training.head()
    fitted = detector.DICE(None, head.weight, head.bias, p=KEPT_WEIGHTS)
    return _on_features(fitted.fit_features(training.features, training.labels))


def _nnguide(training: TrainingOutputs) -> Scorer:
    fitted = detector.NNGuide(None, training.head(), k=min(10, len(training.features)))
    return _on_features(fitted.fit_features(training.features, training.labels))


def _fitted_with_head(kind: Callable[[None, nn.Linear], Any]) -> Maker:
    return lambda training: _on_features(
        kind(None, training.head()).fit_features(training.features, training.labels)
    )


def _lts(training: TrainingOutputs) -> Scorer:
    return _on_features(detector.LTS(None, training.head()))


def _on_features(fitted: Any) -> Scorer:
    return lambda outputs: fitted.predict_features(outputs.features)


def _shaped(kind: Callable[[None, nn.Module], Any], *, clips: bool) -> Maker:
    """Scores that change the features and hand them to the head: clipping, pruning, scaling."""

    def make(training: TrainingOutputs) -> Scorer:
        features = training.features if clips else training.activations()
        fitted = kind(None, nn.Sequential(nn.Flatten(), training.head()))
        if clips:
            fitted.fit_feature_maps(_as_maps(features), training.labels)
        return lambda outputs: fitted.predict_feature_maps(_as_maps(outputs.features))

    return make


def _as_maps(features: Tensor) -> Tensor:
    return features[:, :, None, None]


def _rankfeat(training: TrainingOutputs) -> Scorer:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), training.head())
    fitted = detector.RankFeat(None, head)

    def score(outputs: Outputs) -> Tensor:
        if outputs.maps is None:
            raise DetectorError("the features of this network are not the mean of a feature map")
        if outputs.maps[0, 0].numel() < 2:
            raise DetectorError("the feature map is 1 x 1 at this input size and has rank 1")
        scored: Tensor = fitted.predict_feature_maps(outputs.maps)
        return scored

    return score


def _gradnorm(training: TrainingOutputs) -> Scorer:
    """Minus the norm of the gradient that the head would get, which is a product of two norms.

    Source: Huang et al. 2021, "On the importance of gradients for detecting distributional shifts
    in the wild", equation 9, with the bias's part as in pytorch-ood.
    """
    training.head()

    def score(outputs: Outputs) -> Tensor:
        posterior = outputs.logits.double().softmax(1)
        on_logits = (posterior - 1 / posterior.shape[1]).abs().sum(1)
        return -on_logits * (outputs.features.double().abs().sum(1) + 1)

    return score


def _mc_dropout(training: TrainingOutputs) -> Scorer:
    """Variance of the posterior when features are dropped as in training, before the head only.

    The masks are a fixed series, so that an image's score is its own: dropping features is
    dropping weights, and all masked heads are one matrix.

    Source: Gal and Ghahramani 2016, "Dropout as a Bayesian approximation".
    """
    layers = [m for m in training.network.body.modules() if not list(m.children())]
    before = layers[layers.index(training.network.head) - 1]
    if not isinstance(before, nn.Dropout):
        raise DetectorError("the network has no dropout before its head")
    head = training.head()
    generator = torch.Generator().manual_seed(0)
    kept = torch.rand(DROPOUT_SAMPLES, 1, head.in_features, generator=generator) >= before.p
    weights = (kept * head.weight / (1 - before.p)).flatten(0, 1).T.contiguous()

    def score(outputs: Outputs) -> Tensor:
        logits = (outputs.features @ weights).view(-1, DROPOUT_SAMPLES, head.out_features)
        return (logits + head.bias).softmax(2).var(1).mean(1)

    return score


SCORES: Mapping[str, Score] = {
    "vim": Score(_vim, "training"),
    "she": Score(_fitted_with_head(detector.SHE), "training"),
    "fdbd": Score(_fitted_with_head(detector.fDBD), "training"),
    "nci": Score(_fitted_with_head(detector.NCI), "training"),
    "nnguide": Score(_nnguide, "training"),
    "pnml": Score(_pnml, "training"),
    "dice": Score(_dice, "training"),
    "react": Score(_shaped(detector.ReAct, clips=True), "training"),
    "vra": Score(_shaped(detector.VRA, clips=True), "training"),
    "ash": Score(_shaped(detector.ASH, clips=False), "training"),
    "scale": Score(_shaped(detector.SCALE, clips=False), "training"),
    "lts": Score(_lts),
    # its feature map is tried: the maps of some networks have rank 1 at some sizes
    "rankfeat": Score(_rankfeat, "training"),
    "gradnorm": Score(_gradnorm),
    "mc-dropout": Score(_mc_dropout),
}
