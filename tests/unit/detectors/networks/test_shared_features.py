"""What is read of a frozen backbone is made once for a batch, whoever reads it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import ResNet

from mimbench.detectors.imaging.shared import SharedOutputs, provide
from mimbench.detectors.networks.backbone import Backbone
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.networks.shared_features import map_name, patches_name, pooled_name
from mimbench.detectors.protocol import Batch
from mimbench.errors import MimbenchError, RecipeError

IMAGES = torch.randint(
    0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
NETWORK = ("resnet18", "none")
POOLED = pooled_name(*NETWORK, 32)
MAP = map_name(*NETWORK, "layer1", 32)
PATCHES = patches_name(*NETWORK, ["layer2", "layer3"], 32)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Images in each forward pass of a ResNet."""
    found: list[int] = []
    forward = ResNet.forward

    def counted(self: ResNet, images: Tensor) -> Tensor:
        found.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(ResNet, "forward", counted)
    return found


def test_the_map_is_the_backbones() -> None:
    backbone = Backbone("resnet18", "none", ["layer1"], 32)
    torch.testing.assert_close(provide(MAP, IMAGES), backbone(IMAGES.float() / 255)[0])


def test_the_pooled_features_are_what_the_head_gets() -> None:
    network = build_network("resnet18", 2, "none", 0).eval()
    with torch.no_grad():
        torch.testing.assert_close(provide(POOLED, IMAGES), network.outputs(IMAGES)[1])


def test_patches_lie_at_the_places_of_the_first_layer_and_have_the_channels_of_all() -> None:
    found = provide(PATCHES, IMAGES)
    backbone = Backbone("resnet18", "none", ["layer2", "layer3"], 32)
    fine, coarse = backbone(IMAGES.float() / 255)
    assert found.shape == (5, fine[0, 0].numel(), fine.shape[1] + coarse.shape[1])
    smooth = nn.functional.avg_pool2d(fine, 3, 1, 1).flatten(2).transpose(1, 2)
    torch.testing.assert_close(found[:, :, : fine.shape[1]], smooth)


def test_everything_read_of_a_network_comes_from_one_pass(passes: list[int]) -> None:
    names = (POOLED, MAP, PATCHES)
    batch = Batch(IMAGES, SharedOutputs((*names, pooled_name(*NETWORK, 64))))
    together = [batch[name] for name in names]
    assert len(passes) == 1
    assert batch[MAP] is together[1]
    for name, found in zip(names, together, strict=True):
        assert torch.equal(found, provide(name, IMAGES)), "sharing changes no bit"


def test_an_images_features_do_not_depend_on_the_images_beside_it() -> None:
    """A shard is computed 32 images at a time, whichever of them a fit scores."""
    many = torch.randint(
        0, 256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    few = torch.tensor([3, 17, 38])
    for name in (POOLED, MAP, PATCHES):
        assert torch.equal(provide(name, many)[few], provide(name, many[few]))


def test_a_row_with_a_wrong_layer_fails_alone() -> None:
    wrong = map_name(*NETWORK, "layer9", 32)
    batch = Batch(IMAGES, SharedOutputs((POOLED, wrong)))
    assert batch[POOLED].shape == (5, 512)
    with pytest.raises(RecipeError, match="no layer 'layer9'"):
        batch[wrong]


def test_another_file_under_the_same_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    name = map_name("resnet18", str(path), "layer1", 32)
    with pytest.raises(MimbenchError, match="no weights file"):
        provide(name, IMAGES)
    found = []
    for seed in (1, 2):
        state = build_network("resnet18", 1000, "none", seed).body.state_dict()
        path.unlink(missing_ok=True)
        save_file(state, path)
        found.append(provide(name, IMAGES))
    assert not torch.equal(*found)
