"""Pairs of pictures whose features of a backbone point the same way."""

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["similar_features"]

_CHUNK = 512


def similar_features(features: npt.NDArray[np.floating], least: float = 0.98) -> pd.DataFrame:
    """Find pairs whose features of a backbone point the same way.

    Args:
        features: (N, D), one row per picture.
        least: cosine, in [-1, 1].

    Returns:
        `first` < `second` (positions) and `similarity` in [least, 1], highest first.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    units = features / np.maximum(length, 1e-12)
    rows: list[tuple[int, int, float]] = []
    for start in range(0, len(units), _CHUNK):
        cosine = units[start : start + _CHUNK] @ units.T
        for a, b in np.argwhere(cosine >= least):
            if start + a < b:
                rows.append((int(start + a), int(b), float(cosine[a, b])))
    pairs = pd.DataFrame(rows, columns=["first", "second", "similarity"])
    return pairs.sort_values(["similarity", "first"], ascending=[False, True], ignore_index=True)
