"""The three tables of a run: what was measured, by which fit, on which image.

`scores` holds one number per image, condition and score; `fits` says what produced it; `images`
says what was scored. Everything after scoring reads these tables alone, so they can also come
from another framework. Nothing here needs torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.api.types import is_object_dtype

from mimbench.errors import TableError
from mimbench.files import file_hash, whole

__all__ = [
    "ABOUT",
    "AS_IS",
    "CLEAN",
    "CORRUPTION_SIZE",
    "FIT_COLUMNS",
    "IMAGE_COLUMNS",
    "ROLES",
    "SCHEMA_VERSION",
    "SCORE_COLUMNS",
    "TABLES",
    "RunTables",
    "checksums",
    "more_fits",
    "read_tables",
    "split_column",
    "stamped",
    "write_table",
]

SCHEMA_VERSION = 2
ABOUT = b"mimbench"  # metadata key under which our parquet files say what they are
CLEAN = "clean"
AS_IS = "as-is"  # folder, below a harmonised run's, of the same run on the images as they are
ROLES = ("target", "known", "unknown", "abnormal", "external")

TABLES = ("scores", "fits", "images")
SCORE_COLUMNS = {
    "fit_id": "str",  # -> fits.fit_id
    "score": "str",  # name of the row, "detector/score" or "detector"
    "corruption": "str",  # "clean" or the name of a corruption
    "severity": "int8",  # 0 for clean, else 1..5
    "image_id": "str",  # -> images.image_id
    "value": "float64",  # finite; higher = less like the target
}
FIT_COLUMNS = {
    "fit_id": "str",  # content address: recipe, training images, seed, code version
    "detector": "str",  # name of the recipe
    "fitted_on": "str",  # target category, or "nothing"
    "withheld": "str",  # known categories that the fit was not shown, joined by "+"
    "study": "str",  # why: "known-curve <order>", "left-out <group>", joined by "+"
    "fold": "Int64",  # missing: the fit sees no image and serves every fold
    "seed": "Int64",  # missing: the fit draws no random number
    "control": "bool",  # a row that measures pictures, not the target
    "family": "str",  # "inpainting", "classifier", "one-class", "control", ...
    "input_size": "int64",  # side of the square that the detector sees, pixels; 0: unknown or mixed
    "status": "str",  # "ok" or "failed"
    "reason": "str",  # why it failed; empty if ok
    "recipe_hash": "str",
    "state_hash": "str",
    "seconds": "float64",  # wall time of the fit
    "versions": "str",  # JSON: package versions, device
}
IMAGE_COLUMNS = {
    "image_id": "str",  # SHA-256 of the file's bytes, or of (generator, version, seed, index)
    "dataset": "str",  # name of the folder or generator it came from
    "path": "str",  # as given by the user; empty for generated images
    "category": "str",
    "role": "str",  # one of ROLES
    "patient": "str",  # unique over datasets: images of one person share it
    "source": "str",  # the collection: site, camera, archive
}
CORRUPTION_SIZE = (
    "corruption_size"  # of an image, if it was corrupted: the side it had then, pixels
)
NAMES = (
    ("scores", "score"),
    ("scores", "corruption"),
    ("fits", "detector"),
    ("fits", "fitted_on"),
    ("images", "category"),
)
FORMULA = ("=", "+", "-", "@")  # a spreadsheet evaluates a cell of a CSV file that begins so


def split_column(fold: int) -> str:
    """Name of the images column that says train, validation or test for `fold`."""
    return f"split_{fold}"


@dataclass(frozen=True)
class RunTables:
    """The tables of one run, checked: columns complete, values finite, keys joined.

    Columns beyond the named ones are kept (images: `split_0`..., any column of the user's CSV).
    """

    scores: pd.DataFrame
    fits: pd.DataFrame
    images: pd.DataFrame

    def __post_init__(self) -> None:
        """Raises TableError with the table, column and row that is wrong."""
        for name, columns in (
            ("scores", SCORE_COLUMNS),
            ("fits", FIT_COLUMNS),
            ("images", IMAGE_COLUMNS),
        ):
            missing = [column for column in columns if column not in getattr(self, name)]
            if missing:
                raise TableError(f"Table '{name}' lacks the columns {', '.join(missing)}.")
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
        return sum(column.startswith("split_") for column in self.images.columns)

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
        for name in TABLES:
            write_table(getattr(self, name), folder / f"{name}.parquet")


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a run's three tables."""
    return {name: file_hash(folder / f"{name}.parquet") for name in TABLES}


def more_fits(fits: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    """The fits table with further lines; what only its older lines say is empty text in them."""
    texts = [name for name in fits if name not in added and name not in FIT_COLUMNS]
    filled = added.assign(**dict.fromkeys(map(str, texts), ""))
    return pd.concat([fits, filled], ignore_index=True).astype(FIT_COLUMNS)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write one parquet file, whole or not at all."""
    with whole(path) as partial:
        pq.write_table(stamped(table), partial, compression="zstd")


def stamped(table: pd.DataFrame) -> pa.Table:
    """A table as it is written: with the schema version in its metadata."""
    arrow = pa.Table.from_pandas(_one_kind_each(table), preserve_index=False)
    note = json.dumps({"schema_version": SCHEMA_VERSION}).encode()
    return arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), ABOUT: note})


def _one_kind_each(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that are numbers for some rows and text for others, from different files, as text."""
    mixed = [
        name
        for name in table
        if is_object_dtype(table[name]) and table[name].dropna().map(type).nunique() > 1
    ]
    as_text = {str(name): table[name].map(str).where(table[name].notna(), "") for name in mixed}
    return table.assign(**as_text)


def read_tables(folder: Path) -> RunTables:
    """Read the three tables of a run folder, also those that an older mimbench wrote.

    Raises:
        TableError: a file is missing, not parquet, or written by a newer schema.
    """
    return RunTables(
        **{name: _read(folder / f"{name}.parquet") for name in RunTables.__annotations__}
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise TableError(f"{path} does not exist; is {path.parent} the folder of a finished run?")
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise TableError(f"{path} is not a readable parquet file: {error}.") from error
    note = (table.schema.metadata or {}).get(ABOUT)
    version = json.loads(note)["schema_version"] if note else SCHEMA_VERSION
    if version > SCHEMA_VERSION:
        raise TableError(
            f"{path} has schema version {version}, this mimbench reads up to {SCHEMA_VERSION}; "
            "upgrade mimbench."
        )
    frame: pd.DataFrame = table.to_pandas()
    return _upgraded(frame, version) if path.stem == "fits" else frame


def _upgraded(fits: pd.DataFrame, version: int) -> pd.DataFrame:
    """The fits table as this schema has it. Before version 2 nothing was withheld from a fit."""
    return fits.assign(withheld="", study="") if version < 2 else fits
