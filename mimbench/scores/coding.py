"""The texts of a score table as codes, so that millions of scores fit into memory.

A fit, a row, a corruption or an image is named by thousands of scores. As texts the names take
hundreds of bytes per score, as codes of a pandas category about twenty.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from mimbench.scores.schema import COLUMNS, SCORE_COLUMNS

__all__ = ["CODED", "as_codes", "as_texts", "categories", "coded", "join_scores"]

CODED = tuple(name for name, column in COLUMNS["scores"].items() if column.dtype == "str")


def coded(scores: pd.DataFrame) -> pd.DataFrame:
    """The columns of a score table in their types, texts as categories in alphabetical order."""
    columns = {name: _as_category(scores[name]) for name in CODED}
    numbers = {name: kind for name, kind in SCORE_COLUMNS.items() if name not in CODED}
    typed = scores[list(SCORE_COLUMNS)].astype(numbers)
    return typed.assign(**columns)


def as_texts(scores: pd.DataFrame) -> pd.DataFrame:
    """A score table whose codes are the texts that they stand for, as every program reads them."""
    return scores.astype(dict.fromkeys(CODED, "str"))


def join_scores(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Score tables one below the other, `coded`."""
    tables = [coded(part) for part in parts]
    columns = {
        name: union_categoricals([table[name] for table in tables], sort_categories=True)
        if name in CODED
        else np.concatenate([table[name].to_numpy() for table in tables])
        for name in SCORE_COLUMNS
    }
    return pd.DataFrame(columns)


def categories(texts: Iterable[str]) -> pd.Categorical:
    """Texts as a category in alphabetical order."""
    codes, names = as_codes(pd.Series(list(texts), dtype="str"))
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))


def as_codes(column: pd.Series) -> tuple[NDArray[np.int32], NDArray[np.object_]]:
    """A column of texts as codes, and the texts that occur in it in alphabetical order.

    Args:
        column: texts, or a category of them.

    Returns:
        int32 (rows,), and (texts,).
    """
    codes, names = pd.factorize(column)
    texts = np.asarray(names, dtype=object)
    order = np.argsort(texts)
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places[codes], texts[order]


def _as_category(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    return pd.Series(categories(column), index=column.index)
