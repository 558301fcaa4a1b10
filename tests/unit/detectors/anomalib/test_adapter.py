"""The adapter of anomalib's models, with a small model in anomalib's place."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from stripes import blotches, striped
from torch import Tensor, nn

from mimbench.data.dataset import ImageOptions
from mimbench.detectors import build
from mimbench.detectors.anomalib import Anomalib, adapter
from mimbench.detectors.anomalib.common import Model, Prepare, Settings, train_by_steps
from mimbench.detectors.anomalib.models import MODELS
from mimbench.detectors.networks.network import Network
from mimbench.detectors.protocol import Batch, TrainingSet
from mimbench.detectors.training import History
from mimbench.errors import (
    DetectorError,
    MimbenchError,
    MissingPartError,
    NoWeightsError,
    RecipeError,
    UnknownNameError,
)
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.recipes import Recipe


class Small(nn.Module):
    """Distance of an image's mean colour, seen through a frozen layer, to a learned one."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_extractor = nn.Linear(3, 4)
        self.centre = nn.Parameter(torch.randn(4))

    def forward(self, images: Tensor) -> Any:
        with torch.no_grad():
            features = self.feature_extractor(images.mean((2, 3)))
        distance = (features - self.centre).square().sum(1)
        return distance if self.training else SimpleNamespace(pred_score=distance[:, None])


def small(size: int, backbone: str, trunk: Network | None, settings: Settings) -> nn.Module:
    if "unknown" in settings.options:
        raise TypeError("got an unexpected keyword argument 'unknown'")
    model = Small()
    with torch.random.fork_rng():
        torch.manual_seed(7)  # as a backbone, which is the same for every seed
        model.feature_extractor.reset_parameters()
    return model


def fit(network: nn.Module, train: TrainingSet, prepare: Prepare, settings: Settings) -> History:
    random.random(), np.random.rand()  # noqa: NPY002 - anomalib draws from both
    optimiser = torch.optim.SGD([network.centre], lr=settings.rate(0.1))  # type: ignore[list-item]
    return train_by_steps(
        network, train, prepare, settings, optimiser, lambda images: network(images).mean()
    )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model called small, as if anomalib had it."""
    monkeypatch.setattr(adapter, "find_spec", lambda name: object())
    model = Model(small, fit, backbone="", frozen=("feature_extractor.",), smallest=32)
    monkeypatch.setitem(MODELS, "small", model)  # type: ignore[arg-type]
    monkeypatch.setitem(MODELS, "large", Model(small, fit, backbone="", smallest=64))  # type: ignore[arg-type]
    monkeypatch.setitem(MODELS, "deep", Model(small, fit, backbone="resnet18"))  # type: ignore[arg-type]


def fitted(**parameters: Any) -> Anomalib:
    detector = Anomalib(**{"model": "small", "steps": 20, **parameters})
    detector.fit(striped())
    return detector


def refusal(detector: Anomalib) -> str:
    with pytest.raises(MimbenchError) as error:
        detector.fit(striped())
    return str(error.value)


@pytest.mark.usefixtures("fake")
def test_the_raw_score_of_the_trained_model_is_returned_and_survives_its_state() -> None:
    detector, images = fitted(), Batch(blotches(5, 0))
    scores = detector.score(images)
    assert scores.shape == (5,)
    assert detector.history[-1]["loss"] < detector.history[0]["loss"]
    state = detector.state()
    assert "network/centre" in state
    assert not any("feature_extractor" in name for name in state), "comes from the recipe again"
    other = Anomalib("small")
    other.load(state)
    assert torch.equal(other.score(images), scores)
    with pytest.raises(DetectorError, match="centre"):
        other.load({"size": 32, "history": []})


@pytest.mark.usefixtures("fake")
def test_a_seed_decides_all_and_the_global_generators_are_left_as_they_were() -> None:
    torch.manual_seed(1)
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    first, again = fitted().state(), fitted().state()
    assert torch.equal(first["network/centre"], again["network/centre"])
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.usefixtures("fake")
def test_what_a_model_lacks_is_the_reason_of_its_row() -> None:
    assert "64 px or more, not 32 px" in refusal(Anomalib("large"))
    assert "unknown" in refusal(Anomalib("small", options={"unknown": 1}))
    with pytest.raises(NoWeightsError, match=r"no weights for resnet18"):
        Anomalib("deep").require()
    with pytest.raises(MissingPartError, match="ImageNet photos"):
        Anomalib("efficient_ad")


def test_without_anomalib_its_rows_are_not_run_and_say_how_to_install_it(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "find_spec", lambda name: None)
    downloads = {
        "extends": "anomalib-draem",
        "name": "efficient-ad",
        "parameters": {"model": "efficient_ad"},
    }
    data = (str(folders["data"] / "mpox"),)
    images = ImageOptions(data=data, target="mpox", canonical_size=32)
    detectors = ("anomalib-draem", "anomalib-stfpm", downloads, "histogram")
    plan = make_plan(RunFile(detectors=detectors, data=images))
    assert set(plan.not_run) == {"anomalib-draem", "anomalib-stfpm", "efficient-ad"}
    assert "pip install anomalib" in plan.not_run["anomalib-draem"]
    assert "anomalib downloads" in plan.not_run["efficient-ad"]


def test_wrong_recipes_are_refused_before_anything_is_computed() -> None:
    with pytest.raises(UnknownNameError, match="stfpm"):
        Anomalib("stfmp")
    with pytest.raises(RecipeError, match="draem has no backbone"):
        Anomalib("draem", weights="none")


def test_random_weights_make_the_row_a_control() -> None:
    assert Anomalib("padim", weights="none").blind
    assert not Anomalib("padim", weights="efficientnet_lite0").blind
    assert not Anomalib("draem").blind


def test_another_version_of_anomalib_trains_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(
        name="draem", detector="anomalib", description="x", parameters={"model": "draem"}
    )
    found = []
    for number in ("2.7.0", "2.8.0"):
        monkeypatch.setattr(build, "version", lambda name, number=number: number)
        found.append(build.identity(recipe)["libraries"])
    assert found == [{"anomalib": "2.7.0"}, {"anomalib": "2.8.0"}]
    histogram = recipe.model_copy(update={"detector": "histogram", "parameters": {}})
    assert "libraries" not in build.identity(histogram)
