"""The corruptions of the `imagecorruptions` package, with draws that depend on the key alone.

Slow and serial; it is there to check the own kernels against.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261) in the implementation by Michaelis et al.
2019 (arXiv:1907.07484), as maintained in the distribution `imagecorruptions-imaug`.
"""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimbench.corruptions.core.checks import Images, check_images, check_keys
from mimbench.errors import CorruptionError

__all__ = ["apply_reference"]

# The package draws from numpy's global generator: one call at a time may borrow it.
_GLOBAL_GENERATOR = threading.Lock()
_TAKES_SEED = ("impulse_noise", "glass_blur")


def apply_reference(
    images: Images, name: str, severity: int, keys: Sequence[int] | NDArray[np.integer]
) -> Images:
    """Corrupt each image by `imagecorruptions`.

    Args and result as for `mimbench.corruptions.apply`.

    Raises:
        CorruptionError: the package has no corruption of this name.
    """
    if name not in _package_names():
        raise CorruptionError(
            f"The reference engine cannot compute '{name}', only the 19 corruptions of ImageNet-C; "
            "use the own engine."
        )
    images = check_images(images)
    result = np.empty_like(images)
    for index, key in enumerate(check_keys(keys, len(images))):
        words = _seed_words(int(key), name, severity)
        result[index] = _corrupt(images[index], name, severity, words)
    return result


def _package_names() -> list[str]:
    from imagecorruptions import get_corruption_names  # here: the import takes seconds

    return list(get_corruption_names("all"))


def _seed_words(key: int, name: str, severity: int) -> list[int]:
    digest = hashlib.sha256(f"{key}/{name}/{severity}".encode()).digest()
    return [int.from_bytes(digest[4 * i : 4 * i + 4], "little") for i in range(4)]


def _corrupt(image: Images, name: str, severity: int, words: list[int]) -> Images:
    from imagecorruptions import corruptions

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
