"""CSV files as people open them: in a spreadsheet, which evaluates some of what it reads."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from mimbench.files import atomic_write

__all__ = ["as_csv", "plain_cell", "write_csv"]

# = + - @ in either width, and what some programs skip or split at before they look
_BEGINS = re.compile(r"(^|[\t\r\n;])(?=[=+\-@\uff1d\uff0b\uff0d\uff20\t\r])")
_NUMBER = r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?"
# numbers, alone or with an interval, as tables of text have them
_HARMLESS = re.compile(rf"{_NUMBER}( \[{_NUMBER}, {_NUMBER}\])?\W?")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all, as `as_csv` has it.

    Raises:
        OutputError: the disk is full.
    """
    with atomic_write(path) as partial:
        _cells(table).to_csv(partial, index=False)


def as_csv(table: pd.DataFrame) -> str:
    """A table as CSV text, so that no spreadsheet takes a cell for a formula.

    Text that one would evaluate gets an apostrophe before it, in the header too; numbers stay
    numbers, also negative ones that stand in a column of text.
    """
    return str(_cells(table).to_csv(index=False))


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    cells = table.copy()
    for name in table:
        own = table[name]
        # columns repeat few texts, and hardly one needs an apostrophe
        if not _holds_numbers(own) and any(_plain(text) != text for text in own.dropna().unique()):
            cells[name] = own.map(_plain)
    cells.columns = [_plain(name) for name in table]
    return cells


@lru_cache(maxsize=10_000)  # columns repeat few texts
def plain_cell(text: str) -> str:
    """Text that a spreadsheet shows as it is."""
    return text if _HARMLESS.fullmatch(text) else _BEGINS.sub(r"\1'", text)


def _plain(value: Any) -> Any:
    return plain_cell(value) if isinstance(value, str) else value


def _holds_numbers(column: "pd.Series[Any]") -> bool:
    return bool(is_numeric_dtype(column) or is_bool_dtype(column))
