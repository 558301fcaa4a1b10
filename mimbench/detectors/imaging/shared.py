"""Outputs that several detectors read: computed once for a batch, by name."""

from collections.abc import Collection

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mimbench.data.file_statistics import file_statistics
from mimbench.detectors.imaging import inpainting
from mimbench.errors import UnknownNameError

__all__ = ["FILE_STATISTICS", "SharedOutputs", "provide", "resize"]

FILE_STATISTICS = "statistics:file"  # float64 (N, D), as `file_statistics` documents


def _features(name: str, images: Tensor) -> Tensor:
    from mimbench.detectors.networks import shared_features  # takes seconds, and few runs need it

    return shared_features.provide(name, images)


def _statistics(name: str, images: Tensor) -> Tensor:
    if name != FILE_STATISTICS:
        raise UnknownNameError("shared output", name, [FILE_STATISTICS])
    found = file_statistics(images.permute(0, 2, 3, 1).contiguous().cpu().numpy())
    return torch.from_numpy(found).to(images.device)


PROVIDERS = {"inpaint": inpainting.provide, "features": _features, "statistics": _statistics}


def provide(name: str, images: Tensor) -> Tensor:
    """Compute the shared output `name`, whose first part says who makes it.

    Args:
        name: for example "inpaint:harmonic:checkerboard-8".
        images: uint8 (N, 3, H, W).
    """
    kind = name.partition(":")[0]
    if kind not in PROVIDERS:
        raise UnknownNameError("shared output", name, PROVIDERS)
    return PROVIDERS[kind](name, images)


class SharedOutputs:
    """Provider of one batch that computes together what comes from one pass of a network."""

    def __init__(self, needs: Collection[str]) -> None:
        """`needs`: all that will be asked for, by whichever detector."""
        self.needs = needs
        self.made: dict[str, Tensor] = {}

    def __call__(self, name: str, images: Tensor) -> Tensor:
        """Compute the shared output `name`, as `provide` does."""
        if not name.startswith("features:"):
            return provide(name, images)
        if name not in self.made:
            from mimbench.detectors.networks import shared_features  # as in `_features`

            self.made |= shared_features.provide_together(name, self.needs, images)
        return self.made.pop(name)  # the batch keeps it


def resize(images: Tensor, size: int) -> Tensor:
    """Resize uint8 images (N, 3, H, W) to (N, 3, size, size), antialiased bilinear."""
    if images.shape[-2:] == (size, size):
        return images
    scaled = interpolate(
        images.float(), (size, size), mode="bilinear", antialias=True, align_corners=False
    )
    return scaled.round().clamp(0, 255).byte()
