"""Scores that need gradients with respect to the image, and so passes of their own."""

from collections.abc import Mapping

import torch
from pytorch_ood import detector
from torch import Tensor

from mimbench.detectors.classifier.posthoc.outputs import Outputs, Score, Scorer, TrainingOutputs

__all__ = ["SCORES"]


def _odin(training: TrainingOutputs) -> Scorer:
    """Two more forward passes and a backward one; the step is in units of normalised pixels."""
    network = training.network
    fitted = detector.ODIN(network.body)

    def score(outputs: Outputs) -> Tensor:
        with torch.inference_mode(False):
            scored: Tensor = fitted.predict(network.preprocess(outputs.images.clone()))
        return scored

    return score


SCORES: Mapping[str, Score] = {"odin": Score(_odin)}
