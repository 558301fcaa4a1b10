"""Corrupt a batch of images by name."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.builtin import BUILTIN
from mimbench.corruptions.core.checks import Images, check_images, check_keys
from mimbench.corruptions.definition import Corruption, Engine
from mimbench.corruptions.plugins import family, family_names
from mimbench.errors import CorruptionError, UnknownNameError

__all__ = ["CLEAN", "apply", "builtin", "names"]

CLEAN = "clean"


def names() -> tuple[str, ...]:
    """Names that `apply` knows without a suite.

    Those of ImageNet-C, in the order of its tables, then those of installed packages.
    """
    return (*BUILTIN, *family_names())


def builtin(name: str) -> Corruption:
    """The corruption of this name that is built in or comes from an installed package.

    Raises:
        UnknownNameError: there is none.
        CorruptionError: that of the package is wrong, see `plugins.family`.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    if name not in family_names():
        raise UnknownNameError("corruption", name, names())
    return Corruption(name, name, family(name).severities)


def apply(
    images: Images,
    name: str,
    severity: int,
    keys: Sequence[int] | NDArray[np.integer],
    *,
    engine: Engine = "own",
    threads: int | None = None,
) -> Images:
    """Corrupt a batch of images.

    The draws depend on (key, corruption, severity) alone: not on the order or size of the batch,
    threads, the process, or any global state.

    Args:
        images: uint8 (N, H, W, 3), RGB, at least 32x32 pixels, contiguous or not; not modified.
        name: one of `names()`, or "clean" (with severity 0), which changes nothing.
        severity: 1 (weak) to 5 (strong); 0 for "clean" alone.
        keys: one integer in 0..2**64-1 per image.
        engine: "own" kernels, or the package `imagecorruptions` as "reference" to check against
            (much slower, one thread; other draws).
        threads: how many work on the batch; as many as there are processors unless given.

    Returns:
        uint8 (N, H, W, 3), a new array.

    Raises:
        CorruptionError: images, keys or severity are not as above.
        UnknownNameError: no built-in corruption has this name.
    """
    if name != CLEAN:
        return builtin(name).apply(images, severity, keys, engine=engine, threads=threads)
    if severity != 0:
        raise CorruptionError(f"'{CLEAN}' has severity 0 only, not {severity!r}.")
    images = check_images(images)
    check_keys(keys, len(images))
    return images.copy()
