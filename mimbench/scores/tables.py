"""The three tables of a run: what was measured, by which fit, on which image.

`scores` holds one number per image, condition and score; `fits` says what produced it; `images`
says what was scored. Everything after scoring reads these tables alone, so they can also come
from another framework. Nothing here needs torch.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.api.types import is_object_dtype

from mimbench.errors import TableError
from mimbench.files import atomic_write, file_hash
from mimbench.scores.coding import as_texts
from mimbench.scores.run_files import AS_IS
from mimbench.scores.schema import (
    ABOUT,
    CORRUPTION_SIZE,
    FIT_COLUMNS,
    FIT_NOTES,
    IMAGE_COLUMNS,
    ROLES,
    SCHEMA_VERSION,
    SCORE_COLUMNS,
    schema_note,
)
from mimbench.scores.splits import split_columns
from mimbench.text import listed

__all__ = [
    "ABOUT",
    "AS_IS",
    "AUDIT",
    "BESIDE",
    "CLEAN",
    "CORRUPTION_SIZE",
    "FIT_COLUMNS",
    "FIT_NOTES",
    "IMAGE_COLUMNS",
    "RECORD",
    "ROLES",
    "SCHEMA_VERSION",
    "SCORE_COLUMNS",
    "TABLES",
    "UNLABELLED",
    "Origin",
    "RunTables",
    "checksums",
    "fitted_lines",
    "more_fits",
    "of_rows",
    "stamped",
    "write_table",
]

CLEAN = "clean"
AUDIT = "audit"  # folder, below a run's, of what a second run need not look for again
RECORD = "run.json"  # what a run says of itself, the digests of its tables among it
UNLABELLED = "unlabelled"  # category of external images of which nobody says what they show

TABLES = ("scores", "fits", "images")
BESIDE = ("rejected.csv", "audit.csv", "training.csv")  # what else a run writes and a report reads
NAMES = (
    ("scores", "score"),
    ("scores", "corruption"),
    ("fits", "detector"),
    ("fits", "fitted_on"),
    ("images", "category"),
)
DIGESTS_SINCE = 3  # schema version since which run.json carries a digest
ROW_GROUP = 2**20  # rows that are written at once
DICTIONARY = 2**26  # bytes of the names in a column: above it each is written as often as it occurs
FORMULA = ("=", "+", "-", "@")  # a spreadsheet evaluates a cell of a CSV file that begins so


@dataclass(frozen=True)
class Origin:
    """The files that tables were read from.

    Attributes:
        checksums: SHA-256 by table of the very bytes that were read.
        changed: tables that are not those that the run recorded, accepted nevertheless.
        recorded: whether the folder has a record to compare with; another program's has none.
        guarded: whether a change of that record itself would show: it carries a digest, or is of
            the time before records had one.
    """

    checksums: Mapping[str, str]
    changed: tuple[str, ...]
    recorded: bool
    guarded: bool = True


@dataclass(frozen=True)
class RunTables:
    """The tables of one run, checked: columns complete, values finite, keys joined.

    Columns beyond the named ones are kept (images: `split_0`..., any column of the user's CSV).

    Attributes:
        origin: the files that they were read from; None for tables that were made in memory.
    """

    scores: pd.DataFrame
    fits: pd.DataFrame
    images: pd.DataFrame
    origin: Origin | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raises TableError with the table, column and row that is wrong."""
        for name, columns in (
            ("scores", SCORE_COLUMNS),
            ("fits", FIT_COLUMNS),
            ("images", IMAGE_COLUMNS),
        ):
            missing = [column for column in columns if column not in getattr(self, name)]
            if missing:
                raise TableError(f"Table '{name}' lacks the {listed('column', missing)}.")
        self._check_names()
        self._check_values()
        self._check_keys()

    def _check_names(self) -> None:
        """Names come to terminals and spreadsheets, where some of them would be commands."""
        for table, column in NAMES:
            for name in getattr(self, table)[column].dropna().unique():
                if str(name)[:1] in FORMULA or not str(name).isprintable():
                    raise TableError(
                        f"Table '{table}' has {column} {str(name)!r}; a name must not begin with "
                        f"any of {' '.join(FORMULA)} or contain control characters."
                    )

    def _check_values(self) -> None:
        values = self.scores["value"].to_numpy(dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            row = self.scores.iloc[int(bad[0])]
            raise TableError(
                f"Table 'scores' has {bad.size} values that are not finite; the first is "
                f"{row['score']} on image {row['image_id']} under {row['corruption']}."
            )
        unknown = set(self.images["role"]) - set(ROLES)
        if unknown:
            raise TableError(
                f"Table 'images' has the roles {sorted(unknown)}; allowed: {', '.join(ROLES)}."
            )

    def _check_keys(self) -> None:
        for table, key in ((self.fits, "fit_id"), (self.images, "image_id")):
            doubled = table[key][table[key].duplicated()]
            if len(doubled):
                raise TableError(f"{key} '{doubled.iloc[0]}' stands in two rows of its table.")
            orphans = set(self.scores[key].unique()) - set(table[key])
            if orphans:
                raise TableError(
                    f"Table 'scores' names {len(orphans)} {key}s that have no row of their own, "
                    f"e.g. '{min(orphans)}'."
                )

    @property
    def folds(self) -> int:
        """Number of folds: how many `split_<k>` columns the images have."""
        return len(split_columns(self.images))

    @property
    def corruption_size(self) -> int:
        """Side of the images when they were corrupted, pixels; 0 where the tables do not say."""
        sizes = self.images.get(CORRUPTION_SIZE, pd.Series(dtype="float64")).dropna().unique()
        return int(sizes[0]) if len(sizes) == 1 else 0

    @property
    def main_fits(self) -> NDArray[np.bool_]:
        """(fits,) which fits speak for their detector: every number comes from them alone.

        They were made on the target, with all known categories if the detector trains on them, or
        on nothing. Fits on a swap category, and fits from which known categories were withheld,
        answer questions of their own.
        """
        target = set(self.images.loc[self.images["role"] == "target", "category"])
        own = self.fits["fitted_on"].isin([*target, "nothing"]) & (self.fits["withheld"] == "")
        return own.to_numpy(dtype=bool)

    def write(self, folder: Path) -> None:
        """Write scores.parquet, fits.parquet and images.parquet into `folder`."""
        _write_scores(self.scores, folder / "scores.parquet")
        for name in ("fits", "images"):
            write_table(getattr(self, name), folder / f"{name}.parquet")


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a run's three tables."""
    return {name: file_hash(folder / f"{name}.parquet") for name in TABLES}


def fitted_lines(fits: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Rows that lines were fitted on -> the rows that have such a line in them."""
    found: dict[str, set[str]] = {}
    for text in fits["lines"].dropna().unique() if "lines" in fits else ():
        for row, covariate in json.loads(text or "{}").items():
            found.setdefault(covariate, set()).add(row)
    return {covariate: tuple(sorted(rows)) for covariate, rows in found.items() if covariate}


def of_rows(tables: RunTables, rows: Collection[str]) -> RunTables:
    """The tables with the scores of some rows, and of those that lines in them were fitted on."""
    wanted = {*rows}
    for covariate, fitted in fitted_lines(tables.fits).items():
        if wanted.intersection(fitted):
            wanted.add(covariate)
    return replace(tables, scores=tables.scores[tables.scores["score"].isin(wanted)])


def more_fits(fits: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    """The fits table with further lines; what only its older lines say is empty text in them."""
    texts = [name for name in fits if name not in added and name not in FIT_COLUMNS]
    filled = added.assign(**dict.fromkeys(map(str, texts), ""))
    return pd.concat([fits, filled], ignore_index=True).astype(FIT_COLUMNS)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write one parquet file, whole or not at all."""
    with atomic_write(path) as partial:
        pq.write_table(stamped(table), partial, compression="zstd", write_page_checksum=True)


def _write_scores(scores: pd.DataFrame, path: Path) -> None:
    """Write scores part by part: as texts they would not fit into memory together."""
    first = stamped(as_texts(scores.iloc[:ROW_GROUP]))
    with (
        atomic_write(path) as partial,
        pq.ParquetWriter(
            partial,
            first.schema,
            compression="zstd",
            write_page_checksum=True,
            dictionary_pagesize_limit=DICTIONARY,
        ) as writer,
    ):
        writer.write_table(first)
        for start in range(ROW_GROUP, len(scores), ROW_GROUP):
            writer.write_table(stamped(as_texts(scores.iloc[start : start + ROW_GROUP])))


def stamped(table: pd.DataFrame) -> pa.Table:
    """A table as it is written: with the schema version in its metadata."""
    arrow = pa.Table.from_pandas(_one_kind_each(table), preserve_index=False)
    return arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), ABOUT: schema_note()})


def _one_kind_each(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that are numbers for some rows and text for others, from different files, as text."""
    mixed = [
        name
        for name in table
        if is_object_dtype(table[name]) and table[name].dropna().map(type).nunique() > 1
    ]
    as_text = {str(name): table[name].map(str).where(table[name].notna(), "") for name in mixed}
    return table.assign(**as_text)
