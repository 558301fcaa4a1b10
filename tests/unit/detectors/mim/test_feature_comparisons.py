"""What inpainting in feature space is compared with: no mask, and no training."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from stripes import blotches, striped, stripes
from torch import Tensor

from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.mim.feature_comparisons import FeatureRoughness, PCARatio
from mimbench.detectors.mim.surroundings import surroundings
from mimbench.detectors.protocol import Batch
from mimbench.errors import RecipeError
from mimbench.recipes import read_recipe

BACKBONE: dict[str, Any] = {
    "backbone": "resnet18",
    "weights": "none",
    "layer": "layer1",
    "side": 32,
}


def batch(images: Tensor) -> Batch:
    return Batch(images, provide)


def test_the_error_is_what_the_first_components_leave() -> None:
    detector, images = PCARatio(**BACKBONE, components=12, kept=3), blotches(3, 4)
    cells = detector._learn_scale(striped().target.images)
    reference = PCA(12).fit(cells.flatten(0, 1).double().numpy())
    detector.fit(striped())
    found = detector._standardised(detector._seen(batch(images))).double().numpy()
    within = np.stack([reference.transform(image) for image in found])
    error = np.log(np.square(within[..., 3:]).sum(2)).mean(1)
    places = surroundings(8)
    gap = (places.block - places.ring).double().numpy() @ within
    untrained = np.log(np.square(gap).sum(2)).mean(1)
    scores = detector.score(batch(images))
    assert scores["l2"].numpy() == pytest.approx(error, abs=1e-3)
    assert scores["ratio"].numpy() == pytest.approx(error - untrained, abs=1e-3)


def test_nothing_is_hidden_from_it_and_state_restores_it() -> None:
    detector = PCARatio(**BACKBONE, components=12, kept=3)
    detector.fit(striped())
    target, other = stripes(8, 10, upright=True), blotches(8, 11)
    ratio = detector.score(batch(other))["ratio"]
    assert detector.score(batch(target))["ratio"].median() < ratio.median()
    restored = PCARatio(**BACKBONE, components=12, kept=3)
    restored.load(detector.state())
    assert torch.equal(restored.score(batch(other))["ratio"], ratio)


def test_numbers_of_components_that_make_no_sense_are_refused() -> None:
    with pytest.raises(RecipeError, match="keeps 4 of 4"):
        PCARatio(**BACKBONE, components=4, kept=4)
    with pytest.raises(RecipeError, match=r"'components' is 65.*64 channels"):
        PCARatio(**BACKBONE, components=65, kept=4).fit(striped())


def test_roughness_learns_nothing_and_stands_in_the_table_in_both_readings() -> None:
    control = FeatureRoughness(**BACKBONE)
    assert control.trains_on == "nothing"
    scores = control.score(
        batch(torch.cat([blotches(1, 1), torch.full((1, 3, 32, 32), 90).byte()]))
    )
    assert torch.equal(scores["rough"], -scores["smooth"])
    assert scores["rough"][0] > scores["rough"][1]
    assert read_recipe("feature-roughness").control


def test_all_three_are_given_the_same_features() -> None:
    shared = ("backbone", "weights", "layer", "side")
    recipes = [read_recipe(name) for name in ("mim-features", "pca-ratio", "feature-roughness")]
    assert len({tuple(recipe.parameters[key] for key in shared) for recipe in recipes}) == 1
    assert {recipe.input_size for recipe in recipes} == {64}
