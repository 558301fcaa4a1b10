"""The corruptions of the `imagecorruptions` package, with draws that depend on the key alone.

Slow and serial; it is there to check the own kernels against.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261) in the implementation by Michaelis et al.
2019 (arXiv:1907.07484), as maintained in the distribution `imagecorruptions-imaug`.
"""

import hashlib
import threading

import numpy as np
from PIL import Image

from mimbench.corruptions.checks import Images, Keys

__all__ = ["corrupt_with_package"]

# The package draws from numpy's global generator: one call at a time may borrow it.
_GLOBAL_GENERATOR = threading.Lock()
_TAKES_SEED = ("impulse_noise", "glass_blur")


def corrupt_with_package(images: Images, name: str, severity: int, keys: Keys) -> Images:
    """Corrupt each image by `imagecorruptions`.

    Args:
        images: uint8 (N, H, W, 3), contiguous.
        name: one of the 19 names of the package.
        severity: 1..5.
        keys: uint64 (N,).

    Returns:
        uint8 (N, H, W, 3).
    """
    result = np.empty_like(images)
    for index, key in enumerate(keys):
        result[index] = _corrupt(
            images[index], name, severity, _seed_words(int(key), name, severity)
        )
    return result


def _seed_words(key: int, name: str, severity: int) -> list[int]:
    digest = hashlib.sha256(f"{key}/{name}/{severity}".encode()).digest()
    return [int.from_bytes(digest[4 * i : 4 * i + 4], "little") for i in range(4)]


def _corrupt(image: Images, name: str, severity: int, words: list[int]) -> Images:
    from imagecorruptions import corruptions  # here: the import takes seconds

    function = getattr(corruptions, name)
    seed = {"seed": words[0]} if name in _TAKES_SEED else {}
    with _GLOBAL_GENERATOR:
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(words)  # noqa: NPY002
        try:
            # spatter without a single drop divides 0 by 0
            with np.errstate(all="ignore"):
                corrupted = function(Image.fromarray(image), severity, **seed)
                return np.asarray(corrupted).astype(np.uint8)
        finally:
            np.random.set_state(state)  # noqa: NPY002
