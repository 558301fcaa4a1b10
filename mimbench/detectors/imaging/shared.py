"""Outputs that several detectors read: computed once for a batch, by name."""

from torch import Tensor
from torch.nn.functional import interpolate

from mimbench.detectors.imaging import inpainting
from mimbench.errors import UnknownNameError

__all__ = ["provide", "resize"]


def _feature_map(name: str, images: Tensor) -> Tensor:
    from mimbench.detectors.networks import feature_maps  # takes seconds, and few runs need it

    return feature_maps.provide(name, images)


PROVIDERS = {"inpaint": inpainting.provide, "map": _feature_map}


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


def resize(images: Tensor, size: int) -> Tensor:
    """Resize uint8 images (N, 3, H, W) to (N, 3, size, size), antialiased bilinear."""
    if images.shape[-2:] == (size, size):
        return images
    scaled = interpolate(
        images.float(), (size, size), mode="bilinear", antialias=True, align_corners=False
    )
    return scaled.round().clamp(0, 255).byte()
