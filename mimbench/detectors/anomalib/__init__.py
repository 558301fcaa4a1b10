"""Anomaly detectors of the package anomalib, by its torch models, without its engine."""

from mimbench.detectors.anomalib.adapter import Anomalib

__all__ = ["Anomalib"]
