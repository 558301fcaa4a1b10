"""Frozen backbones: what they measure and what they refuse."""

from pathlib import Path

import pytest
import torch

from mimbench.detectors.networks.backbone import Backbone, Lpips
from mimbench.errors import RecipeError, WeightsError

IMAGES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
NOISE = torch.randn(IMAGES.shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("architecture", "sides"),
    [("squeezenet1_0", [29, 14, 7, 3]), ("resnet18", [32, 16, 8, 4, 2])],
)
def test_by_default_there_is_one_map_per_resolution(architecture: str, sides: list[int]) -> None:
    maps = Backbone(architecture, "none")(IMAGES)
    assert [one.shape[-1] for one in maps] == sides


@pytest.mark.parametrize("kind", [Backbone, Lpips])
def test_distance_is_zero_to_itself_and_grows_with_noise(kind: type[Backbone | Lpips]) -> None:
    model = kind("squeezenet1_1", "none")
    distance = model.distance if isinstance(model, Backbone) else model
    levels = [distance(IMAGES, IMAGES + noise * NOISE) for noise in (0.0, 0.05, 0.2)]
    assert levels[0].abs().max() < 1e-6
    assert (levels[1] > levels[0]).all()
    assert (levels[2] > levels[1]).all()


def test_a_frozen_backbone_stays_in_evaluation_mode_and_wants_no_gradient() -> None:
    backbone = Backbone("resnet18", "none").train()
    assert not any(module.training for module in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_layers_and_weights_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"resnet18 has no layer 'features\.7'"):
        Backbone("resnet18", "none", ["features.7"])
    with pytest.raises(WeightsError, match="not run: no weights for resnet18"):
        Backbone("resnet18", "")
    with pytest.raises(WeightsError, match="no weights file"):
        Backbone("resnet18", str(tmp_path / "missing.safetensors"))


def test_weights_that_were_trained_load_from_a_file(real_weights: Path) -> None:
    trained = Backbone("squeezenet1_0", str(real_weights))(IMAGES)
    random = Backbone("squeezenet1_0", "none")(IMAGES)
    assert not torch.allclose(trained[0], random[0])
