"""What a kernel is: a function of images and draws, and what its parameters may be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Kernel", "Parameter"]


@dataclass(frozen=True)
class Parameter:
    """A number that a severity sets.

    Attributes:
        low, high: smallest and largest value allowed.
        meaning: what it is, with its unit.
        whole: whether it counts something.
    """

    low: float
    high: float
    meaning: str
    whole: bool = False


@dataclass(frozen=True)
class Kernel:
    """A way to corrupt images.

    Attributes:
        name: as recipes call it.
        run: (images, draws, result, *, one keyword argument per parameter) writes the corrupted
            images into `result`; both are uint8 (N, H, W, 3), contiguous; `images` stay as they
            are, and image i of the result depends on image i and its draws alone.
        parameters: by name.
    """

    name: str
    run: Callable[..., None]
    parameters: Mapping[str, Parameter]
