"""How well a classifier does on its validation images."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mimbench.detectors.classifier.posthoc.logits import fit_temperature
from mimbench.statistics.tables.calibration import expected_calibration_error

__all__ = ["validation_quality"]


def validation_quality(logits: Tensor, labels: Tensor, patients: Sequence[str]) -> dict[str, float]:
    """Accuracy, balanced accuracy, and calibration error after temperature scaling.

    The error of each half of the patients is taken at the temperature that fits the other half
    best, so that no image judges a temperature that it chose; NaN where a half is empty.

    Args:
        logits: (N, K) of the validation images.
        labels: (N,) their categories, integers in 0..K-1.
        patients: (N,) whose they are.

    Returns:
        `images`, how many; `accuracy` and `balanced_accuracy` in [0, 1], higher = better; `ECE`,
        the calibration error in [0, 1], lower = better; `temperature`, above 0, that fits all of
        the images best.
    """
    hit = (logits.argmax(1) == labels).float()
    recalls = [float(hit[labels == label].mean()) for label in sorted(set(labels.tolist()))]
    number = {patient: index for index, patient in enumerate(sorted(set(patients)))}
    half = torch.tensor([number[patient] % 2 for patient in patients], dtype=torch.bool)
    confidence = torch.zeros(len(labels))
    for one in (half, ~half) if len(number) > 1 else ():
        temperature = fit_temperature(logits[~one], labels[~one])
        confidence[one] = (logits[one] / temperature).softmax(1).amax(1)
    error = expected_calibration_error(confidence.numpy(), hit.numpy())
    return {
        "images": len(labels),
        "accuracy": float(hit.mean()),
        "balanced_accuracy": sum(recalls) / len(recalls),
        "ECE": error.value if len(number) > 1 else math.nan,
        "temperature": fit_temperature(logits, labels),
    }
