"""Scores from logits alone. Each maker returns a scorer: `Outputs` -> float (N,), higher = OOD."""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import torch
from pytorch_ood import detector
from pytorch_ood.detector.openmax.numpy import OpenMax
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mimbench.detectors.classifier.posthoc.outputs import (
    Maker,
    Outputs,
    Score,
    Scorer,
    TrainingOutputs,
)

__all__ = ["ALWAYS", "SCORES", "LogitGraph", "fit_temperature", "logit_scores"]

LOG_TEMPERATURES = (-4.0, 6.0)


def logit_scores(logits: Tensor) -> Mapping[str, Tensor]:
    """Scores from logits (N, K) whose first column is the target: float (N,), higher = more OOD.

    `posterior` and `msp` are log odds, which rank as the probabilities do but do not saturate.

    Source: MSP, Hendrycks and Gimpel 2017; MaxLogit, Hendrycks et al. 2022; energy, Liu et al.
    2020.
    """
    top = logits.argmax(1, keepdim=True)
    others = logits.scatter(1, top, -torch.inf).logsumexp(1)
    highest = logits.amax(1)
    return {
        "posterior": logits[:, 1:].logsumexp(1) - logits[:, 0],
        "target-logit": -logits[:, 0],
        "msp": others - highest,
        "energy": -logits.logsumexp(1),
        "maxlogit": -highest,
    }


ALWAYS: Mapping[str, Score] = {  # what `logit_scores` returns
    "posterior": Score(asks="detection"),
    "target-logit": Score(asks="detection"),
    "msp": Score(),
    "energy": Score(),
    "maxlogit": Score(),
}


class LogitGraph(nn.Module):
    """A network with the scores of its logits as one module, for export."""

    def __init__(self, network: nn.Module) -> None:
        """`network`: from uint8 images (N, 3, H, W) to logits (N, K), the target first."""
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """What `logit_scores` returns for uint8 images (N, 3, H, W)."""
        return {**logit_scores(self.network(images).float())}


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Temperature T > 0 at which softmax(logits / T) has the least cross-entropy.

    The loss is convex in 1/T, so that a golden-section search finds it; pytorch-ood 0.4.0 takes 50
    small steps from T = 1 and stops on the way.

    Source: Guo et al. 2017, "On calibration of modern neural networks".
    """
    logits, shrink = logits.double(), (5**0.5 - 1) / 2
    low, high = LOG_TEMPERATURES

    def loss(position: float) -> float:
        return float(cross_entropy(logits / torch.tensor(position).exp(), labels))

    for _ in range(40):
        left, right = high - shrink * (high - low), low + shrink * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(torch.tensor((low + high) / 2).exp())


def _temperature(training: TrainingOutputs) -> Scorer:
    temperature = fit_temperature(training.held_out_logits, training.held_out_labels)
    return lambda outputs: logit_scores(outputs.logits / temperature)["msp"]


def _kl_matching(training: TrainingOutputs) -> Scorer:
    fitted = detector.KLMatching(None).fit_logits(
        training.held_out_logits, training.held_out_labels
    )
    return lambda outputs: fitted.predict_logits(outputs.logits)


def _openmax(training: TrainingOutputs) -> Scorer:
    """Log odds of the unknown class, which takes its logit from the class that is predicted.

    Only the strongest class is revised: with more, pytorch-ood's scores depend on which classes a
    batch predicts. Its fit, in double precision and applied to all images at once.
    """
    fitted = OpenMax(alpha=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy's search steps out of bounds
        fitted.fit(training.logits.double().numpy(), training.labels.numpy())
    tails = [fitted.distributions[k] for k in range(len(fitted.centers))]
    centres = torch.tensor(np.stack([fitted.centers[k] for k in range(len(tails))]))
    offset, scale, shape = (
        torch.tensor(values, dtype=torch.float64)
        for values in (
            [float(tail.translation - tail.min_val) for tail in tails],
            [float(tail.scale) for tail in tails],
            [float(tail.c) for tail in tails],
        )
    )

    def score(outputs: Outputs) -> Tensor:
        logits = outputs.logits.double()
        highest, top = logits.max(1)
        distance = (logits - centres[top]).norm(dim=1)
        far = -torch.expm1(-(((distance + offset[top]) / scale[top]).clamp(min=0) ** shape[top]))
        revised = logits.scatter(1, top[:, None], (highest * (1 - far))[:, None])
        return highest * far - revised.logsumexp(1)

    return score


def _stateless(function: Callable[[Tensor], Tensor]) -> Maker:
    return lambda training: lambda outputs: function(outputs.logits.double())


SCORES: Mapping[str, Score] = {
    "entropy": Score(_stateless(detector.Entropy.score)),
    "gen": Score(_stateless(detector.GEN.score)),
    "temperature": Score(_temperature, "validation"),
    "kl-matching": Score(_kl_matching, "validation"),
    "openmax": Score(_openmax, "training"),
}
