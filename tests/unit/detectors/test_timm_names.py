"""Checkpoints with timm's parameter names: the same logits in torchvision's models, or a refusal.

`timm_shapes.json` lists names and shapes of timm's state dicts, in their order, for the backbones
of the shipped recipes that timm has too; counters of batch normalisation are left out.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from mimbench.detectors.networks import build_network, load_weights
from mimbench.detectors.timm_names import as_torchvision
from mimbench.errors import WeightsError

TIMM = json.loads(Path(__file__).with_name("timm_shapes.json").read_text())["models"]
NOT_IN_BOTH = "num_batches_tracked"


def noise(count: int, seed: int, side: int = 64) -> Tensor:
    """Images (count, 3, side, side), each of a colour of its own."""
    generator = torch.Generator().manual_seed(seed)
    grain = torch.randn(count, 3, side, side, generator=generator)
    return grain + torch.randn(count, 3, 1, 1, generator=generator)


def own_shapes(model: nn.Module) -> dict[str, list[int]]:
    state = model.state_dict()
    return {n: list(t.shape) for n, t in state.items() if not n.endswith(NOT_IN_BOTH)}


@torch.no_grad()
def lived_in(model: nn.Module) -> nn.Module:
    """Statistics, scales and shifts as if the model had been trained; all blocks count."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim in (1, 3):  # ConvNeXt's layer scale has 3
            spread = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(0.2 * spread - 0.1 if name.endswith("bias") else 0.5 + spread)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # statistics of all batches alike
            module.reset_running_stats()
    for seed in (2, 3):
        model.train()(noise(16, seed))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            module.running_var.clamp_(min=1e-3)  # smaller ones would magnify rounding
    return model.eval()


def plain(architecture: str, classes: int = 5) -> nn.Module:
    model: nn.Module = torchvision.models.get_model(architecture, num_classes=classes)
    return model.eval()


@torch.inference_mode()
def assert_same_logits(one: nn.Module, other: nn.Module) -> None:
    images = noise(4, 4)
    expected = one(images)
    assert expected.std(0).min() > 5e-3  # the images make a difference
    torch.testing.assert_close(other(images), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", TIMM)
def test_names_and_shapes_map_one_to_one(architecture: str) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(architecture)
        file = {name: torch.empty(shape) for name, shape in TIMM[architecture]["shapes"].items()}
    found = as_torchvision(file, model)
    assert {name: list(tensor.shape) for name, tensor in found.items()} == own_shapes(model)


def named_as_timm(architecture: str, model: nn.Module) -> dict[str, Tensor]:
    """The model's own tensors under timm's names: both libraries list them in one order."""
    shapes = TIMM[architecture]["shapes"]
    own = [t for name, t in model.state_dict().items() if not name.endswith(NOT_IN_BOTH)]
    head = own[-1].shape[0]
    return {
        name: tensor.reshape([head if n == 1000 else n for n in shape])
        for (name, shape), tensor in zip(shapes.items(), own, strict=True)
    }


@pytest.mark.parametrize(
    ("architecture", "prefix"),
    [
        ("resnet18", ""),
        ("efficientnet_b0", "module."),
        ("mobilenet_v3_small", ""),
        ("convnext_tiny", "model."),
    ],
)
def test_a_file_with_timms_names_gives_the_logits_that_timms_epsilon_gives(
    architecture: str, prefix: str, tmp_path: Path
) -> None:
    source = lived_in(plain(architecture))
    for module in source.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5
    named = named_as_timm(architecture, source)
    save_file({prefix + n: tensor for n, tensor in named.items()}, tmp_path / "timm.safetensors")
    loaded = plain(architecture)
    load_weights(loaded, tmp_path / "timm.safetensors")
    assert_same_logits(source, loaded)


def test_a_backbone_with_timms_names_loads_without_its_head(tmp_path: Path) -> None:
    named = named_as_timm("mobilenet_v3_small", lived_in(plain("mobilenet_v3_small")))
    whole, headless = tmp_path / "whole.safetensors", tmp_path / "headless.safetensors"
    save_file(named, whole)
    save_file({n: t for n, t in named.items() if not n.startswith("classifier.")}, headless)
    networks = [build_network("mobilenet_v3_small", 3, str(path), 0) for path in (whole, headless)]
    assert networks[0].head.out_features == 3
    assert_same_logits(*(network.body.eval() for network in networks))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda f: f.pop("blocks.1.1.conv_dw.weight"), "1 missing (features.3.block.1.0.weight)"),
        (lambda f: f.update({"blocks.1.1.gate.weight": torch.ones(2)}), "1 unexpected (blocks."),
        (
            lambda f: f.update({"conv_stem.weight": torch.ones(16, 1, 3, 3)}),
            "1 of another shape (features.0.0.weight (16, 1, 3, 3) instead of (16, 3, 3, 3))",
        ),
        (lambda f: f.update({"features.0.0.weight": torch.ones(2)}), "missing"),
    ],
)
def test_a_timm_file_that_does_not_fit_is_refused_and_says_whose_names_it_had(
    change: Any, problem: str, tmp_path: Path
) -> None:
    named = named_as_timm("mobilenet_v3_small", plain("mobilenet_v3_small"))
    change(named)
    save_file(named, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError) as caught:
        load_weights(plain("mobilenet_v3_small"), tmp_path / "other.safetensors")
    assert problem in str(caught.value)
    assert "timm" in str(caught.value)


def test_a_timm_file_for_another_family_is_refused_with_its_own_names(tmp_path: Path) -> None:
    save_file(
        named_as_timm("mobilenet_v3_small", plain("mobilenet_v3_small")),
        tmp_path / "other.safetensors",
    )
    with pytest.raises(WeightsError, match=r"unexpected \(blocks\.0\.0\.bn1\.bias"):
        load_weights(plain("resnet18"), tmp_path / "other.safetensors")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("architecture", TIMM)
def test_logits_are_timms_own(architecture: str, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="compares with timm, which the project does without")
    source = timm.create_model(TIMM[architecture]["timm"], num_classes=5).eval()
    assert list(own_shapes(source)) == list(TIMM[architecture]["shapes"])
    save_file(lived_in(source).state_dict(), tmp_path / "timm.safetensors")
    loaded = plain(architecture)
    load_weights(loaded, tmp_path / "timm.safetensors")
    assert_same_logits(source, loaded)
