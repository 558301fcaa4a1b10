"""What a run was computed with: versions, hardware, threads."""

import os
import platform
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

import mimbench
from mimbench.errors import MimbenchError

__all__ = ["describe", "library_versions", "pick_device"]

LIBRARIES = (
    "imagecorruptions-imaug",
    "lightning-fabric",
    "lpips",
    "numba",
    "numpy",
    "opencv-python",
    "pillow",
    "pytorch-ood",
    "scikit-learn",
    "scipy",
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
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": gpu or "cpu",
    }


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
