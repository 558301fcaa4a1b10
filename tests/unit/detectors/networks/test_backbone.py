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
    with pytest.raises(WeightsError, match="no weights for resnet18; give weights = 'path'"):
        Backbone("resnet18", "")
    with pytest.raises(WeightsError, match="no weights file"):
        Backbone("resnet18", str(tmp_path / "missing.safetensors"))


def test_the_last_block_of_lite0_is_a_map_of_320_channels() -> None:
    backbone = Backbone("timm/tf_efficientnet_lite0", "none", ["blocks.6"], side=224)
    (found,) = backbone(IMAGES[:1])
    assert found.shape == (1, 320, 7, 7)
    body = backbone.body
    seen = body.blocks(body.bn1(body.conv_stem(backbone.preprocess(255 * IMAGES[:1]))))
    torch.testing.assert_close(found, seen)


@pytest.mark.parametrize(
    ("architecture", "patch", "layer"),
    [
        ("timm/test_vit", 16, "blocks.0"),
        ("timm/vit_small_patch14_reg4_dinov2", 14, "blocks.0"),  # five tokens of no place
        ("vit_b_16", 16, "encoder.layers.encoder_layer_0"),
    ],
)
def test_tokens_of_a_transformer_are_laid_out_as_a_map(
    architecture: str, patch: int, layer: str
) -> None:
    """A change of one patch of the image changes the map at its place most."""
    places = 14 if architecture == "vit_b_16" else 5
    backbone = Backbone(architecture, "none", [layer], side=places * patch)
    image = torch.full((1, 3, places * patch, places * patch), 0.5)
    other = image.clone()
    other[:, :, patch : 2 * patch, 3 * patch : 4 * patch] = 1.0
    change = (backbone(image)[0] - backbone(other)[0]).square().sum(1)[0]
    assert change.shape == (places, places)
    assert divmod(int(change.argmax()), places) == (1, 3)


def test_a_transformer_gives_the_blocks_at_the_quarters_of_its_depth() -> None:
    assert Backbone("timm/vit_tiny_patch16_224", "none").layers == [
        "blocks.2", "blocks.5", "blocks.8", "blocks.11",
    ]  # fmt: skip


def test_maps_with_their_channels_last_are_turned() -> None:
    maps = Backbone("timm/swin_tiny_patch4_window7_224", "none")(IMAGES[:1])
    assert [one.shape[1:] for one in maps][-2:] == [(384, 14, 14), (768, 7, 7)]


def test_an_output_that_is_no_map_is_refused() -> None:
    with pytest.raises(RecipeError, match="'fc' gives is no map"):
        Backbone("resnet18", "none", ["fc"])(IMAGES)


def test_weights_that_were_trained_load_from_a_file(real_weights: Path) -> None:
    trained = Backbone("squeezenet1_0", str(real_weights))(IMAGES)
    random = Backbone("squeezenet1_0", "none")(IMAGES)
    assert not torch.allclose(trained[0], random[0])
