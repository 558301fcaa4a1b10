"""A frozen backbone's map is made once for a batch, whoever reads it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.networks import feature_maps
from mimbench.detectors.networks.backbone import Backbone
from mimbench.detectors.networks.network import build_network
from mimbench.detectors.protocol import Batch
from mimbench.errors import MimbenchError

IMAGES = torch.randint(
    0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def test_the_map_is_the_backbones() -> None:
    name = feature_maps.map_name("resnet18", "none", "layer1", 32)
    backbone = Backbone("resnet18", "none", ["layer1"], 32)
    assert torch.equal(provide(name, IMAGES), backbone(IMAGES.float() / 255)[0])


def test_it_is_made_once_for_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    monkeypatch.setattr(
        Backbone, "forward", lambda self, images: [passes.append(len(images)) or images]
    )
    batch = Batch(IMAGES, provide)
    name = feature_maps.map_name("resnet18", "none", "layer1", 32)
    assert batch[name] is batch[name]
    assert passes == [5]


def test_another_file_under_the_same_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    name = feature_maps.map_name("resnet18", str(path), "layer1", 32)
    with pytest.raises(MimbenchError, match="no weights file"):
        provide(name, IMAGES)
    found = []
    for seed in (1, 2):
        state = build_network("resnet18", 1000, "none", seed).body.state_dict()
        path.unlink(missing_ok=True)
        save_file(state, path)
        found.append(provide(name, IMAGES))
    assert not torch.equal(*found)
