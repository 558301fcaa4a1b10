"""Which of anomalib's models can be rows, and why others cannot."""

from collections.abc import Mapping

from mimbench.detectors.anomalib.common import Model
from mimbench.detectors.anomalib.memory import PADIM, PATCHCORE
from mimbench.detectors.anomalib.trained import TRAINED

__all__ = ["MODELS", "NOT_HERE"]

MODELS: Mapping[str, Model] = {"padim": PADIM, "patchcore": PATCHCORE, **TRAINED}

NOT_HERE: Mapping[str, str] = {
    "dsr": "starts from a codebook that anomalib downloads",
    "efficient_ad": "trains against a teacher and ImageNet photos that anomalib downloads, and "
    "needs 256 px",
    "winclip": "needs CLIP, which anomalib downloads",
}
