"""What a kernel is: a function of images and draws, and what its parameters may be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mimbench.corruptions.checks import Images

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
        run: (images, draws, *, one keyword argument per parameter) -> images; images are uint8
            (N, H, W, 3), contiguous, and stay as they are; image i may depend on the draws of
            image i alone.
        parameters: by name.
    """

    name: str
    run: Callable[..., Images]
    parameters: Mapping[str, Parameter]
