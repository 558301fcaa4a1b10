"""What a run was computed with: versions, hardware, threads."""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import mimbench
from mimbench.errors import MimbenchError

__all__ = ["describe", "library_versions", "pick_device"]

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
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "mimbench": mimbench.__version__,
        "python": platform.python_version(),
        **library_versions(),
        "system": platform.platform(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_gib": _memory(),
        "threads": torch.get_num_threads(),
        "device": gpu or "cpu",
    }


def _cpu_model() -> str | None:
    """Name of the processor, where Linux says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None)


def _memory() -> float | None:
    """Memory of the machine, GiB, where the system says it."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(size / 2**30, 1)


def pick_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes a GPU when there is one.

    Raises:
        MimbenchError: the device does not exist on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MimbenchError(
            f"Device '{name}' cannot be used here; try cpu, cuda or auto."
        ) from error
    return device
