"""Pairs of pictures that show the same photograph: resized, recompressed, recoloured, turned."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.fft import dctn

__all__ = ["similar_features", "similar_pictures"]

_SIDE = 32
_LOW = 8
_CHUNK = 512
_LEAST_CONTRAST = 2.0  # grey levels; flat pictures look like one another

Array = npt.NDArray[np.float32]


def similar_pictures(
    pixels: npt.NDArray[np.uint8], most_bits: int = 12, least: float = 0.95
) -> pd.DataFrame:
    """Find near-duplicates by a perceptual hash, and confirm them by correlation.

    A hash of 63 bits says which low frequencies are above their median. Pairs that differ in few
    bits, one of them turned by quarters and mirrored in all eight ways, are compared as grey
    thumbnails of 32 pixels a side.

    Args:
        pixels: uint8 (N, S, S, 3).
        most_bits: in which the hashes of a pair may differ.
        least: correlation of the thumbnails, brightness and contrast aside, in [0, 1].

    Returns:
        `first` < `second` (positions) and `similarity` in [least, 1], highest first.

    Source: the DCT hash is that of Zauner 2010, "Implementation and benchmarking of perceptual
    image hash functions".
    """
    grey = _thumbnails(pixels)
    spread = grey.std(axis=(1, 2))
    alive = np.flatnonzero(spread >= _LEAST_CONTRAST)
    grey = (grey[alive] - grey[alive].mean(axis=(1, 2), keepdims=True)) / spread[alive, None, None]
    hashes = _hashes(grey)
    found: dict[tuple[int, int], float] = {}
    for turned in _turns(grey):
        for a, b in _close(hashes, _hashes(turned), most_bits):
            similarity = float((grey[a] * turned[b]).mean())
            if similarity >= least:
                pair = (int(alive[a]), int(alive[b]))
                found[pair] = max(similarity, found.get(pair, 0.0))
    return _pairs(found)


def similar_features(features: npt.NDArray[np.floating], least: float = 0.98) -> pd.DataFrame:
    """Find pairs whose features of a backbone point the same way.

    Args:
        features: (N, D), one row per picture.
        least: cosine, in [-1, 1].

    Returns:
        As `similar_pictures`.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    units = features / np.maximum(length, 1e-12)
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(units), _CHUNK):
        cosine = units[start : start + _CHUNK] @ units.T
        for a, b in np.argwhere(cosine >= least):
            if start + a < b:
                found[int(start + a), int(b)] = float(cosine[a, b])
    return _pairs(found)


def _pairs(found: dict[tuple[int, int], float]) -> pd.DataFrame:
    rows = [(a, b, similarity) for (a, b), similarity in found.items()]
    pairs = pd.DataFrame(rows, columns=["first", "second", "similarity"])
    return pairs.sort_values(["similarity", "first"], ascending=[False, True], ignore_index=True)


def _thumbnails(pixels: npt.NDArray[np.uint8]) -> Array:
    small = [
        cv2.resize(
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
        )
        for picture in pixels
    ]
    return np.array(small, dtype=np.float32).reshape(-1, _SIDE, _SIDE)


def _hashes(grey: Array) -> npt.NDArray[np.uint64]:
    low = dctn(grey, axes=(1, 2))[:, :_LOW, :_LOW].reshape(-1, _LOW * _LOW)[:, 1:]
    bits = low > np.median(low, axis=1, keepdims=True)
    weights = np.uint64(1) << np.arange(bits.shape[1], dtype=np.uint64)
    hashes: npt.NDArray[np.uint64] = (bits * weights).sum(axis=1, dtype=np.uint64)
    return hashes


def _turns(grey: Array) -> Iterator[Array]:
    for quarter in range(4):
        turned = np.rot90(grey, quarter, axes=(1, 2))
        yield turned
        yield turned[:, :, ::-1]


def _close(
    hashes: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64], most_bits: int
) -> Iterator[tuple[int, int]]:
    for start in range(0, len(hashes), _CHUNK):
        differing = np.bitwise_count(hashes[start : start + _CHUNK, None] ^ others[None])
        for a, b in np.argwhere(differing <= most_bits):
            if start + a < b:
                yield int(start + a), int(b)
