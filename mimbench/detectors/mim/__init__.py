"""MIM (Mask, Inpainting, and Measure), by its parts: mask, inpaint, measure."""

from mimbench.detectors.mim.detector import MIM

__all__ = ["MIM"]
