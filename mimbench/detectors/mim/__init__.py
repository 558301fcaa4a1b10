"""MIM (Mask, Inpainting, and Measure), by its parts: mask, inpaint, measure."""

from mimbench.detectors.mim.detector import MIM
from mimbench.detectors.mim.feature_comparisons import FeatureRoughness, PCARatio
from mimbench.detectors.mim.features import MIMFeatures

__all__ = ["MIM", "FeatureRoughness", "MIMFeatures", "PCARatio"]
