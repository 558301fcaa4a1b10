"""Every kind of detector keeps the protocol; broken ones are told what is wrong."""

from pathlib import Path

import pytest
import torch

from mimbench.cli import main
from mimbench.detectors.build import build, recipe_of, scores_of
from mimbench.errors import DetectorError
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
    least_auroc = 0.9


class TestComplexity(DetectorContract):
    spec = "complexity"
    least_auroc = 0.9


class TestRandomGenerator(DetectorContract):
    spec = "random-generator"
    least_auroc = None  # an untrained generator knows nothing


class TestFeatures(DetectorContract):
    spec = "small_features:SmallFeatures"


TORCH = """
import torch
from torch import nn
from torch.nn.functional import mse_loss

from mimbench import Detector


class Network(Detector):
    trains_on = "target"

    def __init__(self, width: int = 4) -> None:
        self.net = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, 3, 3))

    def error(self, images):
        pixels = images.float() / 255
        return (self.net(pixels) - pixels[:, :, 2:-2, 2:-2]).square().mean((1, 2, 3))

    def fit(self, train):
        images = train.target.images
        optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-2)
        for _ in range(40):
            optimiser.zero_grad()
            self.error(images[torch.randperm(len(images))[:16]]).mean().backward()
            optimiser.step()

    def score(self, batch):
        return self.error(batch.images)


class MadeInFit(Network):
    def __init__(self) -> None:
        pass

    def fit(self, train):
        Network.__init__(self)
        super().fit(train)


class Wider(Network):
    def fit(self, train):
        Network.__init__(self, width=6)
        super().fit(train)


class Normalised(Network):
    def __init__(self) -> None:
        super().__init__()
        self.net.insert(1, nn.BatchNorm2d(4))

    def fit(self, train):
        super().fit(train)
        self.net.eval()


class Trains(Normalised):
    def load(self, state):
        super().load(state)
        self.net.train()


class Trained(Detector):
    knows = ("mpox", "acne")

    def score(self, batch):
        return batch.images[:, 0].float().mean((1, 2))


class Fails(Network):
    def fit(self, train):
        raise ValueError("no data")
"""


@pytest.fixture
def torch_file(tmp_path: Path) -> Path:
    path = tmp_path / "networks.py"
    path.write_text(TORCH)
    return path


def test_a_module_made_in_the_constructor_passes_and_draws_from_no_generator_of_ours(
    torch_file: Path,
) -> None:
    spec = f"{torch_file}:Network"
    assert [outcome.problem for outcome in check(spec)] == [""] * 7
    weights = [build(recipe_of(spec), seed).net[0].weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2]), "another seed is another training"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MadeInFit", "MadeInFit.net was learned and has no place"),
        ("Wider", "Wider.net is another"),
    ],
)
def test_what_a_load_would_drop_is_refused_with_what_to_do(
    torch_file: Path, name: str, words: str
) -> None:
    outcomes = {outcome.test: outcome.problem for outcome in check(f"{torch_file}:{name}")}
    assert words in outcomes["state survives a file"]
    assert "__init__" in outcomes["state survives a file"]
    assert "load()" in outcomes["state survives a file"]


def test_batch_normalisation_scores_in_evaluation_mode_after_a_load(torch_file: Path) -> None:
    survives = "state survives a file"
    fine = {outcome.test: outcome.problem for outcome in check(f"{torch_file}:Normalised")}
    assert fine[survives] == ""
    broken = {outcome.test: outcome.problem for outcome in check(f"{torch_file}:Trains")}
    assert "net is in training mode after load()" in broken[survives]


def test_a_headline_that_is_no_score_is_refused_and_not_left_out(tmp_path: Path) -> None:
    recipe = recipe_of("histogram").model_copy(update={"headline": ("score",)})
    with pytest.raises(DetectorError, match="without a name: leave headline out"):
        scores_of(recipe, torch.zeros(3), 3)
    with pytest.raises(DetectorError, match=r"score, is no score of it.*its scores: l1, ssim"):
        scores_of(recipe, {"l1": torch.zeros(3), "ssim": torch.zeros(3)}, 3)


def test_the_direction_of_a_trained_model_is_judged_only_if_that_is_asked(
    torch_file: Path,
) -> None:
    test = "higher means less like the target"
    spec = f"{torch_file}:Trained"
    (direction,) = (outcome for outcome in check(spec) if outcome.test == test)
    assert not direction.problem
    assert "not judged" in direction.note
    (asked,) = (outcome for outcome in check(spec, 0.5) if outcome.test == test)
    assert "at least 0.5" in asked.problem


def test_an_error_of_every_test_is_printed_once(
    torch_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mimbench", "check", f"{torch_file}:Fails"])
    assert main() == 1
    said = capsys.readouterr().out
    assert said.count("no data") == 1
    assert said.count("as in: scores are finite") == 6
    monkeypatch.setattr("sys.argv", ["mimbench", "check", "histogram", "--least-auroc", "0.5"])
    assert main() == 0


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
