"""What a run was computed with: versions, hardware, threads."""

import os
import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

import mimbench
from mimbench.detectors.networks.devices import training_dtype
from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.machine import cpu_model, memory_gib

__all__ = [
    "describe",
    "device_of",
    "devices_of",
    "library_versions",
    "pick_device",
    "usable_here",
]

LIBRARIES = (
    "imagecorruptions-imaug",
    "lpips",
    "numba",
    "numpy",
    "opencv-python",
    "pillow",
    "pytorch-ood",
    "scikit-learn",
    "scipy",
    "timm",
    "torch",
    "torchvision",
)


@cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries that a score can depend on; a new one computes anew.

    Those that decode, corrupt, train or score. What only carries or shows numbers (pandas, pyarrow,
    matplotlib) is left out: an image's key is its bytes, and a new pandas refits nothing.
    """
    return {name: version(name) for name in LIBRARIES}


def describe(device: torch.device) -> dict[str, Any]:
    """Versions, hardware and threads, for the record of a run."""
    gpu = None
    if device.type == "cuda":
        here = torch.cuda.is_available()
        gpu = torch.cuda.get_device_name(device) if here else "GPUs of other machines"
    return {
        "mimbench": mimbench.__version__,
        "python": platform.python_version(),
        **library_versions(),
        "system": platform.platform(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "memory_gib": memory_gib(),
        "threads": torch.get_num_threads(),
        "device": gpu or "cpu",
        "training_precision": _training_precision(device),
    }


def _training_precision(device: torch.device) -> str | None:
    """What detectors train in that let the hardware choose; None: it is other machines'."""
    if usable_here(device).type != device.type:
        return None
    return str(training_dtype(device)).removeprefix("torch.")


def pick_device(name: str) -> torch.device:
    """The first device called `name`; "auto" takes a GPU when there is one.

    Args:
        name: auto, cpu, cuda, cuda:1, or several GPUs as cuda:0,2.

    Raises:
        MimbenchError: a device does not exist on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        devices = [torch.device(each) for each in _names(name)]
        for device in devices:
            torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise MimbenchError(
            f"Device '{name}' cannot be used here; try cpu, cuda or auto."
        ) from error
    return devices[0]


def devices_of(
    name: str, picked: torch.device, count: Callable[[], int] = torch.cuda.device_count
) -> list[torch.device]:
    """The devices that worker processes share: "auto" and "cuda" are all GPUs of this machine.

    Args:
        name: of the device, as for `pick_device`.
        picked: the first of them.
        count: number of GPUs.
    """
    if picked.type != "cuda":
        return [picked]
    if ":" in name:
        return [torch.device(each) for each in _names(name)]
    return [torch.device("cuda", index) for index in range(count())] or [picked]


def device_of(number: int, wanted: torch.device, gpus: int) -> torch.device:
    """The device of the process with this number on a machine with so many GPUs for the run."""
    return wanted if wanted.type != "cuda" else torch.device("cuda", number % max(gpus, 1))


def usable_here(device: torch.device) -> torch.device:
    """The device, or the CPU where only other machines have such a device."""
    there = device.type == "cuda" and not torch.cuda.is_available()
    return torch.device("cpu") if there else device


def _names(name: str) -> list[str]:
    """Names that torch knows: cuda:0,2 is cuda:0 and cuda:2."""
    kind, _, indices = name.partition(":")
    if not indices:
        return [name]
    return [f"{kind}:{int(index)}" for index in indices.split(",")]
