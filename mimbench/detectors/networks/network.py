"""Classifiers from torchvision or timm, with a head for our categories and weights from files."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import Inception3

from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.networks.preprocessing import Preprocessing, preprocessing_of
from mimbench.detectors.networks.timm_models import TIMM, timm_model
from mimbench.detectors.networks.weights import (
    PACKAGED,
    load_packaged,
    load_weights,
    require_weights,
)
from mimbench.detectors.parameters import Side
from mimbench.errors import UnknownNameError, WeightsError

__all__ = [
    "Network",
    "build_network",
    "penultimate_features",
    "trained_network",
]

IMAGENET_CLASSES = 1000
# two networks have heads beside the last one, for training on a million images alone, and expect
# another normalisation, which they make of ImageNet's themselves
WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


class Network(nn.Module):
    """A classifier whose penultimate features can be read.

    Attributes:
        preprocess: scales and normalises images before `body`.
        body: the whole model of torchvision or timm; its head has one output per category.
        head: the layer that gives the logits.
    """

    def __init__(self, body: nn.Module, head: nn.Module, preprocess: Preprocessing) -> None:
        """`head` must be a module of `body`."""
        super().__init__()
        self.preprocess = preprocess
        self.body = body
        self.head_name = next(name for name, module in body.named_modules() if module is head)

    @property
    def head(self) -> nn.Module:
        """The layer that gives the logits."""
        return self.body.get_submodule(self.head_name)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of uint8 images (N, 3, H, W)."""
        logits: Tensor = self.body(self.preprocess(images))
        return logits

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """One forward pass of uint8 images (N, 3, H, W).

        Returns:
            Logits (N, K); penultimate features (N, D), the head's input, averaged if it is a map;
            and the map (N, D, H', W') whose mean they are, None where there is no such map.
        """
        if hasattr(self.body, "forward_head"):
            return self._outputs_of_timm(images)
        into_head: list[Tensor] = []
        pooled: list[Tensor] = []
        head = self.head
        handles = [
            module.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
            for module in self.body.modules()
            for seen in [into_head if module is head else pooled]
            if module is head or isinstance(module, nn.AdaptiveAvgPool2d)
        ]
        try:
            logits = self(images)
        finally:
            for handle in handles:
                handle.remove()
        features = into_head[0]
        if features.ndim == 4:
            return logits, features.mean((2, 3)), features
        return logits, features, _averaged_to(features, pooled)

    def _outputs_of_timm(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The same for a model of timm, which gives its features itself."""
        body: Any = self.body
        seen: Tensor = body.forward_features(self.preprocess(images))
        features: Tensor = body.forward_head(seen, pre_logits=True)
        logits: Tensor = self.head(features)
        return logits, features.flatten(1), _averaged_to(features, [seen] if seen.ndim == 4 else [])


def _averaged_to(features: Tensor, pooled: list[Tensor]) -> Tensor | None:
    """The last pooled map if its mean is the features."""
    if not pooled or pooled[-1].shape[1] != features.shape[1]:
        return None
    if torch.compiler.is_exporting():  # an exported graph cannot compare values; it needs no map
        return None
    same = torch.allclose(pooled[-1].mean((2, 3)), features, rtol=1e-3, atol=1e-4)
    return pooled[-1] if same else None


def build_network(
    architecture: str, classes: int, weights: str, seed: int, side: Side = "input"
) -> Network:
    """A classifier with `classes` outputs.

    Args:
        architecture: any classification model of `torchvision.models`, e.g. "resnet18", or any
            model of timm, e.g. "timm/efficientnet_b0".
        classes: number of outputs of the new head.
        weights: "none", "imagenet" (the library's default weights, downloaded once), the name of
            weights that install as a package ("efficientnet_lite0", see `PACKAGED`), or the path
            of a .safetensors or .pth file as for `load_weights`; its head is left out.
        seed: initialises the head, and everything else when weights are "none".
        side: of the images that the network sees: "input", "own" or pixels, see
            `preprocessing_of`.

    Raises:
        UnknownNameError: no such architecture.
        NoWeightsError: no weights given, or their package is not installed.
        WeightsError: weights that cannot be downloaded or do not fit.
        RecipeError: the network cannot take images of this size.
    """
    require_weights(architecture, weights)
    if architecture.startswith(TIMM):
        return _timm_network(architecture, classes, weights, seed, side)
    known = torchvision.models.list_models(module=torchvision.models)
    if architecture not in known:
        raise UnknownNameError("architecture in torchvision.models", architecture, known)
    with seeded(seed):
        body = _pretrained(architecture) if weights == "imagenet" else _plain(architecture)
        head_name, head = _find_head(architecture, body)
        if weights not in ("none", "imagenet"):
            load_weights(body, Path(weights), optional=head_name)
        replacement = _head_like(head, classes)
    parent, _, attribute = head_name.rpartition(".")
    setattr(body.get_submodule(parent), attribute, replacement)
    return Network(body, replacement, preprocessing_of(architecture, body, side))


def _timm_network(architecture: str, classes: int, weights: str, seed: int, side: Side) -> Network:
    with seeded(seed):
        body = timm_model(architecture.removeprefix(TIMM), classes, weights == "imagenet", side)
    head = body.get_classifier()
    if not isinstance(head, (nn.Linear, nn.Conv2d)):
        raise WeightsError(f"{architecture} has no head of a single layer; choose another model.")
    network = Network(body, head, preprocessing_of(architecture, body, side))
    if weights in PACKAGED:
        needed = PACKAGED[weights].architecture
        if needed != body.pretrained_cfg["architecture"]:
            raise WeightsError(f"The weights {weights} are for {TIMM}{needed}, not {architecture}.")
        load_packaged(body, weights, network.head_name)
    elif weights not in ("none", "imagenet"):
        load_weights(body, Path(weights), optional=network.head_name)
    return network


def trained_network(
    architecture: str, classes: int, weights: Path, side: Side = "input"
) -> Network:
    """A classifier with `classes` outputs, all of it from a file, the head too.

    Raises:
        UnknownNameError: no such architecture.
        WeightsError: as for `load_weights`.
        RecipeError: the network cannot take images of this size.
    """
    network = build_network(architecture, classes, "none", 0, side)
    load_weights(network.body, weights)
    return network


@torch.inference_mode()
def penultimate_features(
    architecture: str, weights: str, pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Features of a frozen backbone, e.g. to find near-duplicates.

    Args:
        architecture: as for `build_network`.
        weights: "imagenet" or the path of a file.
        pixels: uint8 (N, H, W, 3), RGB.

    Returns:
        (N, D).
    """
    network = build_network(architecture, 1, weights, seed=0).eval()
    parts = []
    for start in range(0, len(pixels), 32):
        own = pixels[start : start + 32].copy()  # torch wants an array that can be written
        parts.append(network.outputs(torch.from_numpy(own).permute(0, 3, 1, 2))[1])
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def _plain(architecture: str) -> nn.Module:
    options: dict[str, bool] = {}
    if architecture in WITH_AUXILIARY_HEADS:
        options = {"aux_logits": False, "init_weights": True, "transform_input": True}
    model: nn.Module = torchvision.models.get_model(architecture, weights=None, **options)
    return model


def _pretrained(architecture: str) -> nn.Module:
    try:
        model: nn.Module = torchvision.models.get_model(architecture, weights="DEFAULT")
    except OSError as error:
        raise WeightsError(
            f"ImageNet weights of {architecture} cannot be downloaded ({error}); give a file "
            "instead: weights = 'path/to/file.safetensors' in the recipe."
        ) from error
    if isinstance(model, Inception3):  # GoogLeNet leaves its auxiliary heads out by itself
        model.aux_logits, model.AuxLogits = False, None
    return model


def _find_head(architecture: str, body: nn.Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    heads = [
        (name, module)
        for name, module in body.named_modules()
        if (isinstance(module, nn.Linear) and module.out_features == IMAGENET_CLASSES)
        or (isinstance(module, nn.Conv2d) and module.out_channels == IMAGENET_CLASSES)
    ]
    if len(heads) != 1:
        raise WeightsError(f"{architecture} has {len(heads)} heads with 1000 outputs; needs one.")
    return heads[0]


def _head_like(head: nn.Linear | nn.Conv2d, classes: int) -> nn.Module:
    if isinstance(head, nn.Linear):
        return nn.Linear(head.in_features, classes, bias=head.bias is not None)
    return nn.Conv2d(head.in_channels, classes, kernel_size=1)
