"""State on disk: tensors and JSON in one safetensors file. Nothing is ever unpickled."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.optim import Optimizer

from mimbench.errors import DetectorError
from mimbench.files import atomic_write, disk_full_as_error

__all__ = [
    "add_prefix",
    "decode_state",
    "digest_of",
    "encode_state",
    "flatten_optimiser",
    "load_optimiser",
    "read_state",
    "strip_prefix",
    "write_state",
]

# One key only: the byte order of several is not stable in the format.
METADATA_KEY = "mimbench"


def encode_state(state: Mapping[str, Any]) -> bytes:
    """Tensors, and values that JSON can hold, as the content of a safetensors file.

    Equal states give equal bytes.
    """
    tensors = {
        name: value.detach().cpu().contiguous().clone()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }
    values = {name: value for name, value in state.items() if name not in tensors}
    return save(tensors, metadata={METADATA_KEY: json.dumps(values, sort_keys=True)})


def decode_state(content: bytes) -> dict[str, Any]:
    """Read what `encode_state` returned; tensors are on the CPU.

    Raises:
        DetectorError: the content is damaged, or not one of ours.
    """
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        values: dict[str, Any] = json.loads(metadata[METADATA_KEY])
        return tensors | values
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DetectorError(f"not a readable state: {error}.") from error


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state, whole or not at all.

    The directory of `path` is made if need be, but not the one above: if that is gone, somebody
    deleted it.

    Raises:
        OutputError: the file cannot be written.
    """
    content = encode_state(state)
    with disk_full_as_error(path.parent.parent):
        path.parent.mkdir(exist_ok=True)
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def read_state(path: Path) -> dict[str, Any]:
    """Read what `write_state` wrote; tensors are on the CPU.

    Raises:
        DetectorError: the file is missing, damaged, or not one of ours.
    """
    try:
        return decode_state(path.read_bytes())
    except (OSError, DetectorError) as error:
        raise DetectorError(f"{path} is not a readable state file: {error}.") from error


def digest_of(state: Mapping[str, Any]) -> str:
    """SHA-256 of all names, tensors and values; the same before and after a file."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        if isinstance(value, Tensor):
            digest.update(json.dumps([name, str(value.dtype), value.shape]).encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
        else:
            digest.update(json.dumps([name, value], sort_keys=True).encode())
    return digest.hexdigest()


def add_prefix(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """`state` with "prefix/" before every name."""
    return {f"{prefix}/{name}": value for name, value in state.items()}


def strip_prefix(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `state` whose names start with "prefix/", without it."""
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}


def flatten_optimiser(optimiser: Optimizer) -> dict[str, Any]:
    """An optimiser's state as tensors and JSON values, for `load_optimiser`."""
    state = optimiser.state_dict()
    flat = {f"{i}/{key}": v for i, slots in state["state"].items() for key, v in slots.items()}
    return flat | {"groups": state["param_groups"]}


def load_optimiser(optimiser: Optimizer, flat: Mapping[str, Any]) -> None:
    """Restore what `flatten_optimiser` returned."""
    slots: dict[int, dict[str, Any]] = {}
    for name, value in flat.items():
        if name != "groups":
            index, _, key = name.partition("/")
            slots.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": slots, "param_groups": flat["groups"]})
