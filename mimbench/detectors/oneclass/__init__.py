"""One-class detectors: they see the target alone, most through a backbone that never changes."""

from mimbench.detectors.oneclass.autoencoder import Autoencoder
from mimbench.detectors.oneclass.distances import FeatureMahalanobis, FeatureNeighbours
from mimbench.detectors.oneclass.patches import PaDiM, PatchCore
from mimbench.detectors.oneclass.shallow import FeatureForest, FeatureSVM
from mimbench.detectors.oneclass.svdd import DeepSVDD

__all__ = [
    "Autoencoder",
    "DeepSVDD",
    "FeatureForest",
    "FeatureMahalanobis",
    "FeatureNeighbours",
    "FeatureSVM",
    "PaDiM",
    "PatchCore",
]
