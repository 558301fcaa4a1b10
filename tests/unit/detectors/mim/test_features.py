"""Inpainting in feature space: blind where it should be, restorable, clear about bad recipes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stripes import blotches, image_set, striped, stripes
from torch import Tensor

from mimbench.detectors.mim.feature_inpainters import (
    FeatureInpainter,
    build_inpainter,
    neighbour_average,
)
from mimbench.detectors.mim.features import MIMFeatures
from mimbench.detectors.protocol import Batch, TrainingSet
from mimbench.errors import MimbenchError, TrainingError

MAPS = torch.randn(6, 5, 7, 7, generator=torch.Generator().manual_seed(0))


def small(**parameters: Any) -> MIMFeatures:
    """A random backbone on small maps: features of edges, enough to tell stripes from squares."""
    choices = {"architecture": "resnet18", "weights": "none", "layer": "layer1", "side": 32}
    return MIMFeatures(**{**choices, "grid": 8, "components": 16, "steps": 30, **parameters})


def fitted(train: TrainingSet, **parameters: Any) -> MIMFeatures:
    detector = small(**parameters)
    detector.fit(replace(train, generator=torch.Generator().manual_seed(train.seed)))
    return detector


def scores(detector: MIMFeatures, images: Tensor) -> dict[str, Tensor]:
    return dict(detector.score(Batch(images)))


def learnt(kind: str) -> FeatureInpainter:
    inpainter = build_inpainter(kind, 5, 10)
    inpainter.learn(MAPS, MAPS[:2], striped())
    return inpainter.eval()


def test_neighbour_average_is_the_mean_of_the_cells_beside() -> None:
    average = neighbour_average(MAPS)
    inside = (MAPS[..., 2, 3] + MAPS[..., 4, 3] + MAPS[..., 3, 2] + MAPS[..., 3, 4]) / 4
    assert torch.allclose(average[..., 3, 3], inside, atol=1e-6)
    assert torch.allclose(average[..., 0, 0], (MAPS[..., 0, 1] + MAPS[..., 1, 0]) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "blind"), [("memory", True), ("convolution", True), ("projection", False)]
)
def test_no_cell_is_predicted_from_itself_except_by_the_control(kind: str, blind: bool) -> None:
    inpainter = learnt(kind)
    changed = MAPS.clone()
    changed[:, :, 3, 3] += 1
    with torch.no_grad():
        before, after = inpainter(MAPS), inpainter(changed)
    assert before.shape == MAPS.shape
    assert torch.equal(before[:, :, 3, 3], after[:, :, 3, 3]) == blind


def test_the_memory_finds_what_it_has_seen() -> None:
    memory = learnt("memory")
    assert torch.equal(memory(MAPS), MAPS)
    assert not torch.allclose(memory(MAPS + 1), MAPS + 1)


@pytest.mark.parametrize("inpainter", ["memory", "convolution", "projection"])
def test_unseen_patterns_score_above_the_target_and_state_restores_it(inpainter: str) -> None:
    before = torch.get_rng_state()
    detector = fitted(striped(), inpainter=inpainter)
    assert torch.equal(torch.get_rng_state(), before)
    target, other = stripes(8, 10, upright=True), blotches(8, 11)
    for name in ("l2", "contrast", "residual"):
        assert scores(detector, target)[name].median() < scores(detector, other)[name].median()
    restored = small(inpainter=inpainter)
    restored.load(detector.state())
    expected, found = scores(detector, other), scores(restored, other)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_constant_images_have_finite_scores() -> None:
    flat = torch.zeros(5, 3, 32, 32, dtype=torch.uint8)
    detector = fitted(replace(striped(), target=image_set(flat), validation=image_set(flat)))
    for images in (flat, flat + 255):
        assert all(values.isfinite().all() for values in scores(detector, images).values())


def test_a_residual_without_enough_held_out_images_is_not_run() -> None:
    detector = fitted(replace(striped(), validation=image_set(stripes(4, 3, upright=True))))
    scored = detector.score(Batch(stripes(2, 4, upright=True)))
    assert isinstance(scored["l2"], Tensor)
    assert "5 held-out images" in str(scored["residual"])
    assert detector.not_run.keys() == {"residual"}


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"inpainter": "memories"}, "Did you mean memory"),
        ({"layer": "features.7"}, "resnet18 has no layer"),
        ({"weights": ""}, "no weights"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(MimbenchError, match=problem):
        small(**parameters)


def test_too_few_images_or_channels_are_named() -> None:
    nothing = image_set(torch.zeros(0, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(TrainingError, match="has 24 and 0"):
        fitted(replace(striped(), validation=nothing))
    with pytest.raises(MimbenchError, match="'components' is 65, and the layer has 64"):
        fitted(striped(), components=65)


def test_a_trained_backbone_loads_from_a_file(real_weights: Path) -> None:
    detector = MIMFeatures(weights=str(real_weights), side=64, grid=4, components=8)
    detector.fit(striped())
    target, other = stripes(4, 10, upright=True), blotches(4, 11)
    assert scores(detector, target)["l2"].median() < scores(detector, other)["l2"].median()
