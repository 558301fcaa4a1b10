"""Whether a table that was read is what the schema says, and its columns in the declared types."""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mimbench.errors import TableError
from mimbench.scores.coding import categories, coded
from mimbench.scores.schema import ABOUT, COLUMNS, PARTS, SCHEMA_VERSION, SPLIT, Column
from mimbench.text import counted

__all__ = ["conform"]

TEXT = ("string", "large_string", "string_view")
READABLE = {  # types of a file's column by the declared one
    "str": TEXT,
    "bool": ("boolean",),
    "int8": ("integer",),
    "int64": ("integer",),
    "Int64": ("integer", "floating"),  # other programs write whole numbers with gaps as floats
    "float64": ("integer", "floating"),
}
TIMES = ("date", "time", "timestamp", "duration")
PLAIN = (*TEXT, *TIMES, "boolean", "integer", "floating", "decimal", "null")


def conform(name: str, table: pa.Table, where: object) -> pd.DataFrame:
    """A table as this schema has it, from what a file holds, also one of an older schema.

    Columns of fits and images that are not declared are kept if they hold numbers, texts, truth
    values or times.

    Args:
        name: "scores", "fits" or "images".
        table: as it was read.
        where: its file, for messages.

    Raises:
        TableError: a newer schema; a column that is missing, stands twice or has the wrong type;
            a cell that is missing or out of range. Says which.
    """
    version = _version(table, where)
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise TableError(f"{where} has two columns called '{twice}'.")
    try:
        table.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise TableError(f"{where} is damaged: {_first(error)}.") from error
    rules = _rules(name, names)
    if name == "images":
        _check_splits(names, where)
    if name == "scores":  # millions of lines, of which nobody asks for more
        names = [column for column in names if column in rules]
    frame = {column: _column(where, column, table[column], rules.get(column)) for column in names}
    for column, rule in rules.items():
        if column not in frame and version < rule.since:
            before = rule.before(frame) if callable(rule.before) else [rule.before] * len(table)
            frame[column] = pd.Series(before, dtype=rule.dtype)
        elif column not in frame and not rule.optional:
            raise TableError(f"{where} has no column '{column}'.")
    whole = pd.DataFrame(frame, index=pd.RangeIndex(len(table)))
    return coded(whole) if name == "scores" else whole


def _check_splits(names: list[str], where: object) -> None:
    found = sorted(name for name in names if SPLIT.fullmatch(name))
    wanted = sorted(f"split_{fold}" for fold in range(len(found)))
    if found != wanted:
        lost = next(name for name in wanted if name not in found)
        raise TableError(f"{where} has {', '.join(found)}, but no column '{lost}'.")


def _version(table: pa.Table, where: object) -> int:
    note = (table.schema.metadata or {}).get(ABOUT)
    if note is None:
        return SCHEMA_VERSION
    try:
        version = json.loads(note)["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = None
    if type(version) is not int or version < 1:
        raise TableError(f"{where} does not say which schema version it has; it is damaged.")
    if version > SCHEMA_VERSION:
        raise TableError(
            f"{where} has schema version {version}, this mimbench reads up to {SCHEMA_VERSION}; "
            "upgrade mimbench."
        )
    return version


def _rules(name: str, columns: list[str]) -> Mapping[str, Column]:
    """What is declared, and the split columns of the images."""
    if name != "images":
        return COLUMNS[name]
    splits = [column for column in columns if SPLIT.fullmatch(column)]
    return {**COLUMNS[name], **{split: Column("str", choices=PARTS) for split in splits}}


def _column(where: object, name: str, column: pa.ChunkedArray, rule: Column | None) -> pd.Series:
    """A column in its declared type, if it is declared; every cell is what it may be."""
    where = f"{where}, column {name}"
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if rule is None:
        if not _is(kind, PLAIN):
            raise TableError(
                f"{where}: {kind} is neither number, text, truth value nor time; leave it out."
            )
        found: pd.Series = column.to_pandas()
        return found
    if column.null_count and not rule.empty:
        raise TableError(f"{where}: {counted(column.null_count, 'cell', 'is')} missing.")
    if not _is(kind, READABLE[rule.dtype]) and column.null_count < len(column):
        raise TableError(f"{where}: {kind} where {rule.dtype} belongs.")
    if rule.dtype == "str":
        if pa.types.is_dictionary(column.type) and rule is COLUMNS["scores"].get(name):
            return _codes(where, column, rule)
        return _texts(where, column.cast(pa.large_string()).fill_null(""), rule)
    return _numbers(where, column, rule)


def _texts(where: str, column: pa.ChunkedArray, rule: Column) -> pd.Series:
    if not rule.empty and (empty := pc.sum(pc.equal(column, "")).as_py()):
        raise TableError(f"{where}: {counted(empty, 'cell', 'is')} empty.")
    if rule.choices or rule.values is not None:
        for cell in pc.unique(column).to_pylist():
            if rule.choices and cell not in rule.choices:
                raise TableError(f"{where}: {cell!r:.40} is none of {', '.join(rule.choices)}.")
            if rule.values is not None:
                _check_json(where, cell, rule.values)
    found: pd.Series = column.to_pandas().astype(rule.dtype)
    return found


def _codes(where: str, column: pa.ChunkedArray, rule: Column) -> pd.Series:
    """Texts as categories in alphabetical order; each is looked at once."""
    whole = column.unify_dictionaries().combine_chunks()
    parts = whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]
    if not parts:
        return pd.Series(categories([]))
    (one,) = parts
    codes, used = pd.factorize(one.indices.to_numpy(zero_copy_only=False))
    names = one.dictionary.take(pa.array(used)).cast(pa.large_string())
    if names.null_count and not rule.empty:
        raise TableError(f"{where}: {counted(names.null_count, 'cell', 'is')} missing.")
    texts = _texts(where, pa.chunked_array([names]), rule)
    return pd.Series(categories(texts).take(codes))


def _check_json(where: str, cell: str, kinds: tuple[type, ...]) -> None:
    """Empty, or an object whose values have one of these types; numbers are finite."""
    try:
        content = json.loads(cell or "{}")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise TableError(f"{where}: {cell!r:.40} is not a JSON object.")
    for key, value in content.items():
        if type(value) not in kinds or (isinstance(value, float) and not np.isfinite(value)):
            raise TableError(f"{where}: {key!r:.40} cannot be {value!r:.40}.")


def _numbers(where: str, column: pa.ChunkedArray, rule: Column) -> pd.Series:
    given = column.drop_null().to_numpy()
    real = rule.dtype == "float64"
    if given.dtype.kind == "f":
        given = given[~np.isnan(given)]
    bad = ~((given >= rule.low) & (given <= rule.high))
    if not real and given.dtype.kind == "f":
        bad |= given != np.floor(given)
    if bad.any():
        ends = f"from {rule.low:g}" + f" to {rule.high:g}" * bool(np.isfinite(rule.high))
        kind = "number" if real else "whole number"
        raise TableError(f"{where}: {given[bad][0]:g} is no {kind} {ends}.")
    found: pd.Series = column.to_pandas(integer_object_nulls=not real).astype(rule.dtype)
    return found


def _is(kind: pa.DataType, tests: tuple[str, ...]) -> bool:
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests)


def _first(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
