"""Pictures that show the same photograph, and pictures with nearly the same features."""

from mimbench.data.near_duplicates.comparison import (
    Comparison,
    compare,
    read_comparison,
    write_comparison,
)
from mimbench.data.near_duplicates.pairs import (
    PAIR_COLUMNS,
    near_duplicates,
    near_duplicates_between,
    picture_features,
)
from mimbench.data.near_duplicates.vectors import similar_features

__all__ = [
    "PAIR_COLUMNS",
    "Comparison",
    "compare",
    "near_duplicates",
    "near_duplicates_between",
    "picture_features",
    "read_comparison",
    "similar_features",
    "write_comparison",
]
