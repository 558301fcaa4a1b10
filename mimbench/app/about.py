"""app.json: all that the page must know of its model."""

import hashlib
from math import isfinite
from typing import Any

import torch

from mimbench import __version__
from mimbench.app.export.parity import TOLERANCE
from mimbench.app.exported import Exported
from mimbench.app.folder import CARD, FORMAT, languages
from mimbench.app.runtime import VERSION
from mimbench.app.selftest import SelfTest, either_direction_first

__all__ = ["about_app"]

TEST_TOLERANCE = 2 * TOLERANCE  # of the page's self-test: the gate's, and what devices may add


def about_app(
    exported: Exported,
    canonical: int,
    test: SelfTest,
    facts: dict[str, Any],
    language: str,
) -> dict[str, Any]:
    """Content of app.json.

    Args:
        exported: the row, its model and its rule.
        canonical: side of the square that is given to the model, pixels.
        test: pictures with known scores.
        facts: see `detector_facts`.
        language: in which the page starts.
    """
    row, model, guard = exported.row, exported.model, exported.rule.guard
    limits = ("darkest", "brightest", "blurriest", "most")
    return {
        "format": FORMAT,
        "language": language,
        "languages": [{"code": code, "name": name} for code, name in languages().items()],
        "row": row.name,
        "size": canonical,
        "input_size": row.size,
        "either": either_direction_first(),
        "thresholds": row.thresholds.tolist(),
        "rule": {
            "disagreement": exported.rule.disagreement,
            "guard": {name: float(getattr(guard, name)) for name in limits},
        },
        "model": {
            "sha256": hashlib.sha256(model.content).hexdigest(),
            "fits": [fit.fit_id for fit in row.fits],
        },
        "versions": {
            "mimbench": __version__,
            "onnxruntime-web": VERSION,
            "torch": torch.__version__,
        },
        "card": CARD,
        "selftest": {
            "tolerance": TEST_TOLERANCE,
            "unit": row.unit.tolist(),
            "pictures": [
                {"file": name, "scores": scores.tolist()}
                for name, scores in zip(test.pictures, test.scores, strict=True)
            ],
        },
        "facts": facts
        | {
            "silent_target": exported.silent,
            "silent_test": exported.silent_test if isfinite(exported.silent_test) else None,
            "caught_abnormal": exported.caught,
        },
    }
