"""Columns of texts that repeat in millions of lines, as categories."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

__all__ = ["Codes", "Texts", "joined"]

Codes = NDArray[np.int32]


class Texts:
    """Texts of a column and their codes, in order of appearance."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._found: dict[tuple[str, ...], Codes] = {}  # the same few stand in most blocks

    def codes(self, texts: Iterable[str]) -> Codes:
        """The code of each text."""
        asked, known = tuple(texts), self._codes
        if asked not in self._found:
            codes = [known.setdefault(text, len(known)) for text in asked]
            self._found[asked] = np.asarray(codes, dtype=np.int32)
        return self._found[asked]

    def column(self, codes: Codes) -> pd.Categorical:
        """The texts of these codes; categories are in the order of the alphabet."""
        used = set(np.unique(codes).tolist())
        names = sorted(text for text, code in self._codes.items() if code in used)
        place = np.zeros(len(self._codes), dtype=np.int32)
        place[[self._codes[name] for name in names]] = np.arange(len(names))
        return pd.Categorical.from_codes(place[codes], categories=pd.Index(names, dtype="str"))


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The lines of several tables of the same columns, one after another."""
    return pd.DataFrame(
        {
            name: union_categoricals([part[name] for part in parts], sort_categories=True)
            if isinstance(parts[0][name].dtype, pd.CategoricalDtype)
            else np.concatenate([part[name] for part in parts])
            for name in parts[0]
        }
    )
