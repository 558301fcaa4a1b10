"""What a network sees of an image: what its own configuration says, at the size that is asked."""

import pytest
import timm
import torch
from efficientnet_lite import random_pictures
from PIL import Image
from torchvision.transforms.v2.functional import pil_to_tensor, to_pil_image

from mimbench.detectors.networks.network import build_network
from mimbench.errors import RecipeError

PICTURES = random_pictures(2, 64)


@pytest.mark.parametrize(
    ("architecture", "mean", "deviation"),
    [
        ("resnet18", 0.485, 0.229),
        ("timm/test_resnet", 0.5, 0.5),
        ("timm/tf_efficientnet_lite0", 127 / 255, 128 / 255),
    ],
)
def test_levels_are_normalised_as_the_architecture_says(
    architecture: str, mean: float, deviation: float
) -> None:
    seen = build_network(architecture, 2, "none", 0).preprocess(PICTURES)
    torch.testing.assert_close(seen[:, 0], (PICTURES[:, 0] / 255 - mean) / deviation)


@pytest.mark.parametrize(
    ("architecture", "side", "seen"),
    [
        ("resnet18", "input", 64),
        ("resnet18", "own", 224),
        ("resnet18", 96, 96),
        ("timm/test_resnet", "input", 64),
        ("timm/test_resnet", "own", 160),
        ("timm/test_vit", "input", 160),  # it takes one size alone
        ("timm/test_vit", 80, 80),
    ],
)
def test_images_are_scaled_to_the_side_that_is_asked(
    architecture: str, side: int | str, seen: int
) -> None:
    network = build_network(architecture, 2, "none", 0, side)
    assert network.preprocess(PICTURES).shape == (2, 3, seen, seen)
    assert network(PICTURES).shape == (2, 2)


def test_scaling_is_that_of_the_configuration_and_the_same_as_pillows() -> None:
    for name, method in (("test_resnet", Image.BILINEAR), ("tf_efficientnet_lite0", Image.BICUBIC)):
        preprocess = build_network(f"timm/{name}", 2, "none", 0, side=160).preprocess
        levels = preprocess(PICTURES) * preprocess.deviation + preprocess.mean
        own = timm.get_pretrained_cfg(name)
        assert own is not None
        assert own.interpolation == preprocess.interpolation
        scaled = [to_pil_image(one).resize((160, 160), method) for one in PICTURES]
        expected = torch.stack([pil_to_tensor(one) for one in scaled]).float()
        torch.testing.assert_close(levels, expected, atol=1.5, rtol=0)


@pytest.mark.parametrize(
    ("architecture", "side", "needed"),
    [
        ("timm/test_vit", 90, "16 px"),
        ("timm/test_maxvit", 96, "160 px"),
        ("vit_b_16", 96, "224 px"),
    ],
)
def test_a_size_that_the_network_cannot_take_is_refused(
    architecture: str, side: int, needed: str
) -> None:
    with pytest.raises(RecipeError, match=needed):
        build_network(architecture, 2, "none", 0, side)
