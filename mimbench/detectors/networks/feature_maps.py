"""Feature maps of frozen backbones, made once for a batch and shared by all who read them."""

import json
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from mimbench.detectors.networks.backbone import Backbone
from mimbench.detectors.networks.weights import packaged_file
from mimbench.detectors.parameters import Side

__all__ = ["map_name", "provide"]

PREFIX = "map:"
CHUNK = 32  # images in one forward pass


def map_name(backbone: str, weights: str, layer: str, side: Side) -> str:
    """Name of the shared output; arguments as for `Backbone`."""
    return PREFIX + json.dumps([backbone, weights, layer, side])


@torch.no_grad()
def provide(name: str, images: Tensor) -> Tensor:
    """Compute the shared output that `map_name` names.

    Args:
        name: of the output.
        images: uint8 (N, 3, H, W), RGB.

    Returns:
        float32 (N, C, H', W') on the device of `images`.

    Raises:
        MimbenchError: as for `Backbone`.
    """
    weights = json.loads(name.removeprefix(PREFIX))[1]
    backbone = _backbone(name, _version(weights), images.device)
    parts = [backbone(part.float() / 255)[0].float() for part in torch.split(images, CHUNK)]
    return torch.cat(parts)


def _version(weights: str) -> tuple[int, int]:
    """What changes when another file is put where the weights are."""
    path = packaged_file(weights) or Path(weights)
    if not path.is_file():
        return (0, 0)
    found = path.stat()
    return (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=2)
def _backbone(name: str, version: tuple[int, int], device: torch.device) -> Backbone:
    architecture, weights, layer, side = json.loads(name.removeprefix(PREFIX))
    return Backbone(architecture, weights, [layer], side).to(device)
