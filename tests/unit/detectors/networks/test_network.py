"""Models of timm by name: their own logits, features, normalisation and weights files."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from mimbench.detectors.networks.network import build_network
from mimbench.errors import UnknownNameError, WeightsError

MODELS = [
    "efficientnet_lite0",
    "mobilenetv3_small_050",
    "vgg11",
    "resnet10t",
    "vit_tiny_patch16_224",
]


def images(side: int) -> torch.Tensor:
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, side, side), generator=draws, dtype=torch.uint8)


@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_logits_are_those_of_timm_and_follow_from_the_features(name: str, tmp_path: Path) -> None:
    own = timm.create_model(name, num_classes=3).eval()
    save_file(own.state_dict(), tmp_path / "own.safetensors")
    network = build_network(f"timm/{name}", 3, str(tmp_path / "own.safetensors"), seed=7).eval()
    with torch.no_grad():  # the head is new, whatever the file holds
        network.head.load_state_dict(own.get_classifier().state_dict())
    pictures = images(224 if name.startswith("vit") else 64)
    mean, std = (torch.tensor(own.pretrained_cfg[key])[:, None, None] for key in ("mean", "std"))
    expected = own((pictures / 255 - mean) / std)
    logits, features, maps = network.outputs(pictures)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.head(features), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(pictures), expected, rtol=1e-4, atol=1e-5)
    if name in ("efficientnet_lite0", "resnet10t"):
        assert maps is not None
        torch.testing.assert_close(maps.mean((2, 3)), features, rtol=1e-3, atol=1e-4)


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (
        build_network("timm/mobilenetv3_small_050", 2, "none", seed).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["body.classifier.weight"], other["body.classifier.weight"])


def test_an_unknown_model_of_timm_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="mobilenetv3_small_050"):
        build_network("timm/mobilenetv3_small_51", 2, "none", 0)


def test_a_file_of_timm_for_a_model_of_torchvision_says_how_to_name_it(tmp_path: Path) -> None:
    own = timm.create_model("mobilenetv3_small_050", num_classes=3)
    save_file(own.state_dict(), tmp_path / "own.safetensors")
    with pytest.raises(WeightsError, match="'timm/NAME'"):
        build_network("mobilenet_v3_small", 3, str(tmp_path / "own.safetensors"), 0)
