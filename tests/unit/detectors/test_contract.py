"""Every kind of detector keeps the protocol; broken ones are told what is wrong."""

from pathlib import Path

import pytest

from mimbench.testing import DetectorContract, check

BROKEN = """
import torch
from mimbench import Detector


class Flipped(Detector):
    trains_on = "target"

    def fit(self, train):
        self.mean = train.target.images.float().mean((0, 2, 3))

    def score(self, batch):
        return -(batch.images.float().mean((2, 3)) - self.mean).norm(dim=1)


class Random(Flipped):
    def score(self, batch):
        return super().score(batch) + 1000 * torch.rand(len(batch))


class Shape(Flipped):
    def score(self, batch):
        return super().score(batch)[:, None]


class Forgets(Flipped):
    def state(self):
        return {}
"""


class TestHistogram(DetectorContract):
    spec = "histogram"


class TestFileStatistics(DetectorContract):
    spec = "file-statistics"


class TestHarmonic(DetectorContract):
    spec = "harmonic"


class TestComplexity(DetectorContract):
    spec = "complexity"


class TestRandomGenerator(DetectorContract):
    spec = "random-generator"
    least_auroc = None  # an untrained generator knows nothing


class TestFeatures(DetectorContract):
    spec = "small_features:SmallFeatures"


@pytest.mark.parametrize(
    ("name", "test", "problem"),
    [
        ("Flipped", "higher means less like the target", "AUROC 0.0"),
        ("Random", "nothing outside is changed", "train.generator"),
        ("Random", "batch size does not change scores", "its own image alone"),
        ("Shape", "scores are finite one per image", "shape (1, 1)"),
        ("Forgets", "state survives a file", "mean"),
    ],
)
def test_a_broken_detector_is_told_what_is_wrong(
    name: str, test: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    outcomes = {outcome.test: outcome.problem for outcome in check(f"{path}:{name}")}
    assert problem in outcomes[test], outcomes
