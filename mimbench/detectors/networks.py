"""Classifiers from torchvision, with a head for our categories and weights from files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import Inception3

from mimbench.detectors.statefile import below
from mimbench.detectors.timm_names import as_torchvision, has_timm_names
from mimbench.errors import UnknownNameError, WeightsError

__all__ = [
    "ImageNetNormalise",
    "Network",
    "build_network",
    "load_weights",
    "penultimate_features",
    "trained_network",
]

IMAGENET_CLASSES = 1000
REPORTED = 3  # names of parameters that a mismatch report shows
# two networks have heads beside the last one, for training on a million images alone, and expect
# another normalisation, which they make of ImageNet's themselves
WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")
AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")
TIMM_NOTE = (
    "The file has timm's names, which are read for ResNet, DenseNet, EfficientNet, MobileNetV3, "
    "ConvNeXt and VGG, for the same architecture only."
)
# under which training scripts keep the state dict
WRAPPERS = ("state_dict", "model_state_dict", "model")


class ImageNetNormalise(nn.Module):
    """From uint8 (N, 3, H, W) to float with ImageNet's channel means and deviations removed."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean = torch.tensor([0.485, 0.456, 0.406])
        deviation = torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", 255 * mean[:, None, None], persistent=False)
        self.register_buffer("deviation", 255 * deviation[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise."""
        return (images.float() - self.mean) / self.deviation


class Network(nn.Module):
    """A torchvision classifier whose penultimate features can be read.

    Attributes:
        body: the whole torchvision model; its head has one output per category.
        head: the layer that gives the logits.
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        """`head` must be a module of `body`."""
        super().__init__()
        self.normalise = ImageNetNormalise()
        self.body = body
        self.head_name = next(name for name, module in body.named_modules() if module is head)

    @property
    def head(self) -> nn.Module:
        """The layer that gives the logits."""
        return self.body.get_submodule(self.head_name)

    @classmethod
    def plain(cls, architecture: str, classes: int) -> "Network":
        """The architecture with a head for `classes`, to load a trained state into."""
        return build_network(architecture, classes, "none", seed=0)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of uint8 images (N, 3, H, W)."""
        logits: Tensor = self.body(self.normalise(images))
        return logits

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """One forward pass of uint8 images (N, 3, H, W).

        Returns:
            Logits (N, K); penultimate features (N, D), the head's input, averaged if it is a map;
            and the map (N, D, H', W') whose mean they are, None where there is no such map.
        """
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


def _averaged_to(features: Tensor, pooled: list[Tensor]) -> Tensor | None:
    """The last pooled map if its mean is the features."""
    if not pooled or pooled[-1].shape[1] != features.shape[1]:
        return None
    same = torch.allclose(pooled[-1].mean((2, 3)), features, rtol=1e-3, atol=1e-4)
    return pooled[-1] if same else None


def build_network(architecture: str, classes: int, weights: str, seed: int) -> Network:
    """A torchvision classifier with `classes` outputs.

    Args:
        architecture: any classification model of `torchvision.models`, e.g. "resnet18".
        classes: number of outputs of the new head.
        weights: "none", "imagenet" (torchvision's default weights, downloaded once), or the path
            of a .safetensors or .pth file as for `load_weights`; its head is left out.
        seed: initialises the head, and everything else when weights are "none".

    Raises:
        UnknownNameError: no such architecture.
        WeightsError: weights that are missing, cannot be downloaded or do not fit.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if architecture not in known:
        raise UnknownNameError("architecture in torchvision.models", architecture, known)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = _pretrained(architecture) if weights == "imagenet" else _plain(architecture)
        head_name, head = _find_head(architecture, body)
        if weights not in ("none", "imagenet"):
            load_weights(body, Path(weights), optional=head_name)
        replacement = _head_like(head, classes)
    parent, _, attribute = head_name.rpartition(".")
    setattr(body.get_submodule(parent), attribute, replacement)
    return Network(body, replacement)


def trained_network(architecture: str, classes: int, weights: Path) -> Network:
    """A torchvision classifier with `classes` outputs, all of it from a file, the head too.

    Raises:
        UnknownNameError: no such architecture.
        WeightsError: as for `load_weights`.
    """
    network = Network.plain(architecture, classes)
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
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    parts = [network.outputs(part)[1] for part in torch.split(images, 32)]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def load_weights(model: nn.Module, path: Path, optional: str = "") -> None:
    """Load a state dict from .safetensors or .pth (tensors only, nothing is unpickled).

    Args:
        model: receives the parameters.
        path: a state dict with torchvision's parameter names or, for the families that
            `mimbench.detectors.timm_names` knows, timm's, perhaps with a prefix before all of
            them; or the state of a run's fit.
        optional: prefix of parameters that may be missing or have another shape in the file.

    Raises:
        WeightsError: no such file, not a state dict, or parameters that do not fit, by name.
    """
    own = model.state_dict()
    read = _without_prefix(_read(path), own)
    found = as_torchvision(read, model)
    skip = {name for name in own if optional and name.startswith(f"{optional}.")}
    fitting = {
        name: tensor
        for name, tensor in found.items()
        if name in own and (tensor.shape == own[name].shape or name not in skip)
    }
    problems = [
        *_listed("missing", sorted(own.keys() - found.keys() - skip)),
        *_listed("unexpected", sorted(found.keys() - own.keys())),
        *_listed(
            "of another shape",
            [
                f"{name} {tuple(tensor.shape)} instead of {tuple(own[name].shape)}"
                for name, tensor in sorted(fitting.items())
                if tensor.shape != own[name].shape
            ],
        ),
    ]
    if problems:
        note = f" {TIMM_NOTE}" if has_timm_names(read) else ""
        problem = "; ".join(problems)
        raise WeightsError(f"{path} does not fit {type(model).__name__}: {problem}.{note}")
    model.load_state_dict(fitting, strict=False)


def _listed(what: str, names: list[str]) -> list[str]:
    # counters of batch normalisation are absent from many files and change nothing at test time
    names = [name for name in names if not name.endswith("num_batches_tracked")]
    more = ", ..." if len(names) > REPORTED else ""
    return [f"{len(names)} {what} ({', '.join(names[:REPORTED])}{more})"] if names else []


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path.absolute()}.")
    try:
        if path.suffix == ".safetensors":
            loaded = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    except Exception as error:  # pickle.UnpicklingError: the file holds more than tensors
        raise WeightsError(
            f"{path} holds more than tensors and is not loaded, since that could run code; save "
            "the state dict alone, best as .safetensors."
        ) from error
    nested: Any = loaded
    for key in WRAPPERS:
        nested = nested.get(key, nested) if isinstance(nested, dict) else None
    if not isinstance(nested, dict) or not all(isinstance(v, Tensor) for v in nested.values()):
        raise WeightsError(f"{path} is not a state dict (parameter name -> tensor).")
    named = below("network", nested) or nested  # a run's fit keeps more than its network
    return {k: v for k, v in named.items() if not k.startswith(AUXILIARY_HEADS)}


def _without_prefix(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Parameters without what wrappers (DataParallel, Lightning) put before every name."""
    first = {name.partition(".")[0] for name in found}
    if len(first) != 1 or not first.isdisjoint(name.partition(".")[0] for name in own):
        return found
    return {name.partition(".")[2]: tensor for name, tensor in found.items()}


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
