"""Features of frozen networks: one forward pass of a batch serves everything that is read of it.

What is read has a name, which says of which network and at which size:

- the pooled features, the input of the network's head: (N, D);
- the map of a layer: (N, C, H', W');
- patches, the maps of several layers averaged over 3 x 3 neighbours and laid side by side at the
  places of the first one: (N, P, D).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from mimbench.detectors.networks.backbone import default_layers, layer_outputs
from mimbench.detectors.networks.network import Network, build_network
from mimbench.detectors.networks.weights import packaged_file
from mimbench.detectors.parameters import Side
from mimbench.errors import MimbenchError, RecipeError

__all__ = ["CHUNK", "map_name", "patches_name", "pooled_name", "provide", "provide_together"]

PREFIX = "features:"
CHUNK = 32  # images in one forward pass; the last one is padded, so that shapes never differ


@dataclass(frozen=True)
class _Reading:
    """What is read of a network; the first three as for `Backbone`."""

    backbone: str
    weights: str
    side: Side
    kind: Literal["pooled", "map", "patches"]
    layers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return PREFIX + json.dumps(asdict(self))

    @property
    def network(self) -> tuple[str, str, Side]:
        """Which forward pass it comes from."""
        return self.backbone, self.weights, self.side


def pooled_name(backbone: str, weights: str, side: Side) -> str:
    """Name of the pooled features; arguments as for `Backbone`."""
    return _Reading(backbone, weights, side, "pooled").name


def map_name(backbone: str, weights: str, layer: str, side: Side) -> str:
    """Name of a layer's map; arguments as for `Backbone`."""
    return _Reading(backbone, weights, side, "map", (layer,)).name


def patches_name(backbone: str, weights: str, layers: Sequence[str], side: Side) -> str:
    """Name of patches; `layers` empty: the two that follow the finest. Others as for `Backbone`."""
    return _Reading(backbone, weights, side, "patches", tuple(layers)).name


def provide(name: str, images: Tensor) -> Tensor:
    """Compute what a name of this module stands for.

    Args:
        name: of the output.
        images: uint8 (N, 3, H, W), RGB.

    Returns:
        float32, in the shape that the module documents, on the device of `images`.

    Raises:
        MimbenchError: as for `Backbone`.
    """
    return _computed([_reading(name)], images)[name]


def provide_together(name: str, others: Iterable[str], images: Tensor) -> dict[str, Tensor]:
    """The same, with those of `others` that come from the same forward pass.

    Another one that fails does not come with it, and is not in the way.

    Raises:
        MimbenchError: as for `provide`.
    """
    wanted = _reading(name)
    all_of_them = [_reading(other) for other in others if other.startswith(PREFIX)]
    same = [other for other in all_of_them if other.network == wanted.network]
    try:
        return _computed(list(dict.fromkeys([wanted, *same])), images)
    except MimbenchError:
        return {name: provide(name, images)}


def _reading(name: str) -> _Reading:
    values = json.loads(name.removeprefix(PREFIX))
    return _Reading(**{**values, "layers": tuple(values["layers"])})


@torch.no_grad()
def _computed(readings: Sequence[_Reading], images: Tensor) -> dict[str, Tensor]:
    backbone, weights, side = readings[0].network
    frozen = _frozen(backbone, weights, side, _version(weights), images.device)
    parts: dict[str, list[Tensor]] = {reading.name: [] for reading in readings}
    for part in torch.split(images, CHUNK):
        for name, value in frozen.read(readings, _padded(part)).items():
            parts[name].append(value[: len(part)])
    return {name: torch.cat(values) for name, values in parts.items()}


def _padded(images: Tensor) -> Tensor:
    """CHUNK images: these, as often as it takes."""
    if torch.compiler.is_exporting():  # a phone sees one picture; copies would cost it seconds
        return images
    return images[torch.arange(CHUNK, device=images.device) % len(images)]


class _Frozen:
    """A network that is never trained."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @cached_property
    def of_patches(self) -> list[str]:
        """Layers of patches, if none are given."""
        layers = default_layers(self.network)
        return layers[1:3] or layers

    def read(self, readings: Sequence[_Reading], images: Tensor) -> dict[str, Tensor]:
        """One forward pass of uint8 images (N, 3, H, W), no further than it is needed."""
        layers = {reading: self._layers(reading) for reading in readings}
        wanted = list(dict.fromkeys(layer for each in layers.values() for layer in each))
        pooled = any(reading.kind == "pooled" for reading in readings)
        features = torch.zeros(0)
        with layer_outputs(self.network.body, wanted, to_the_end=pooled) as maps:
            if pooled:
                features = self.network.outputs(images)[1]
            else:
                self.network(images)
        found = {}
        for reading, own in layers.items():
            if reading.kind == "pooled":
                value = features
            elif reading.kind == "map":
                value = maps[own[0]]
            else:
                value = _patches([maps[layer] for layer in own])
            found[reading.name] = value.float()
        return found

    def _layers(self, reading: _Reading) -> Sequence[str]:
        if reading.kind == "patches" and not reading.layers:
            return self.of_patches
        for layer in reading.layers:
            if layer not in dict(self.network.body.named_modules()):
                raise RecipeError(f"{reading.backbone} has no layer '{layer}'.")
        return reading.layers


def _patches(maps: Sequence[Tensor]) -> Tensor:
    """Patches (N, P, D) of maps, at the places of the first one."""
    side = maps[0].shape[-2:]
    aligned = [
        interpolate(avg_pool2d(one, 3, 1, 1), side, mode="bilinear", align_corners=False)
        for one in maps
    ]
    return torch.cat(aligned, 1).flatten(2).transpose(1, 2)


def _version(weights: str) -> tuple[int, int]:
    """What changes when another file is put where the weights are."""
    path = packaged_file(weights) or Path(weights)
    if not path.is_file():
        return (0, 0)
    found = path.stat()
    return (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4)
def _frozen(
    backbone: str, weights: str, side: Side, version: tuple[int, int], device: torch.device
) -> _Frozen:
    network = build_network(backbone, 2, weights, seed=0, side=side)
    return _Frozen(network.eval().requires_grad_(False).to(device))
