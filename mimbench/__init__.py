"""Benchmark and robustness evaluation suite for MIM and other image detectors.

One number per image, condition and score, *higher = less like the target*, is the product of a
run; every table, plot and verdict is computed from those three tables (`mimbench.scores.tables`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimbench.api import Run, open_run
    from mimbench.detectors.protocol import Batch, Detector, ImageSet, TrainingSet

__version__ = "0.1.0"

__all__ = ["Batch", "Detector", "ImageSet", "Run", "TrainingSet", "__version__", "open_run"]


def __getattr__(name: str) -> Any:
    """Import public names only when somebody asks for them: some need torch, others pandas."""
    if name in ("Run", "open_run"):
        return getattr(import_module("mimbench.api"), name)
    if name in __all__:
        return getattr(import_module("mimbench.detectors.protocol"), name)
    raise AttributeError(f"module 'mimbench' has no attribute {name!r}")
