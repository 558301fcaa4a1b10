"""Random streams and image identities that depend on nothing but their name."""

import hashlib

import numpy as np

__all__ = ["image_id", "stream"]


def stream(*parts: str | int) -> np.random.Generator:
    """A generator of its own for this name, e.g. `("phantom", "1", seed, index, "hair")`.

    The same parts give the same draws in every process; other parts give independent ones.
    """
    digest = _digest(parts)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def image_id(generator: str, version: str, seed: int, index: int) -> str:
    """SHA-256 in hexadecimal of what a generated image is made from.

    The pixels are not hashed, as they may differ between processors by a level.
    """
    return _digest((generator, version, seed, index)).hex()


def _digest(parts: tuple[str | int, ...]) -> bytes:
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()
