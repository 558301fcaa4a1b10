"""The tables of a run in a form small enough to keep in a repository."""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.errors import OutputError
from mimbench.files import atomic_write
from mimbench.runfolder.info import RunInfo, write_run_info
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.runfolder.rounding import TOLERANCES, Rounding, round_corrupted
from mimbench.scores.coding import as_texts
from mimbench.scores.splits import split_columns
from mimbench.scores.tables import (
    CLEAN,
    CORRUPTION_SIZE,
    IMAGE_COLUMNS,
    TABLES,
    RunTables,
    checksums,
    fitted_lines,
    stamped,
)

__all__ = ["LIMIT", "Compact", "write_compact"]

ABSOLUTE = re.compile(r"(?<![\w:/])/(?:[^\s/]+/)+")  # what precedes the last part of a path
LIMIT = 3_000_000  # of the file of scores, bytes: what a repository should hold of one run
ONE_PAGE = 2**26  # rows
KEPT = (*IMAGE_COLUMNS, "format", CORRUPTION_SIZE)  # of the images


@dataclass(frozen=True)
class Compact:
    """What was written.

    Attributes:
        size: of all files, bytes.
        rounding: of the scores of corrupted images, beyond single precision; None if there is none.
    """

    size: int
    rounding: Rounding | None


def write_compact(
    folder: Path,
    out: Path,
    *,
    clean_only: bool = False,
    limit: int = LIMIT,
    rows: Collection[str] = (),
) -> Compact:
    """Write the headline rows of a run into a folder that `report`, `verify` and `gate` take.

    What a line in a headline row was fitted on is kept, too. Scores are rounded to single
    precision where that makes no two of them equal. Where the file of scores would be too large,
    those of corrupted images are rounded further, as little as it takes, and run.json says what
    that changes. Of the images, paths and columns that a user added are left out; of absolute paths
    in run.json the last part stays.

    Args:
        folder: of a finished run.
        out: a new or empty folder.
        clean_only: leave out the scores of corrupted images.
        limit: of the file of scores, bytes.
        rows: to keep beside the headline rows.

    Raises:
        TableError: a table of the run is missing or wrong.
        OutputError: `out` holds something, cannot be written, or the scores do not fit into the
            limit without changing an AUROC by more than the last of `TOLERANCES`.
    """
    run = read_run(folder)
    tables = _headline(run, clean_only, rows)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise OutputError(f"{out} is not empty; choose a folder that is not there yet.")
        try:
            rounding = _write_all(tables, run.info, out, limit)
        except BaseException:  # half a folder would stand in the way of a second try
            for path in out.iterdir():
                with suppress(OSError):
                    path.unlink()
            raise
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}.") from error
    return Compact(sum(path.stat().st_size for path in out.iterdir()), rounding)


def _write_all(tables: RunTables, info: RunInfo, out: Path, limit: int) -> Rounding | None:
    for name in TABLES:
        _write(tables, name, out / f"{name}.parquet")
    rounding = _fit_into(limit, tables, out / "scores.parquet")
    content = _without_paths(info.model_dump(mode="json"))
    content |= {"checksums": checksums(out), "files": {}}
    if rounding is not None:
        content["rounding"] = str(rounding)
    write_run_info(out, RunInfo.model_validate(content))
    return rounding


def _fit_into(limit: int, tables: RunTables, path: Path) -> Rounding | None:
    """Write the scores again with fewer digits until their file is small enough."""
    full = path.stat().st_size
    if full <= limit:
        return None
    for tolerance in TOLERANCES:
        rounded, rounding = round_corrupted(tables, tolerance)
        _write(rounded, "scores", path)
        if path.stat().st_size <= limit:
            return rounding
    raise OutputError(
        f"The scores take {full:,} bytes, and {path.stat().st_size:,} when they are rounded as far "
        f"as no AUROC changes by more than {TOLERANCES[-1]}; the limit is {limit:,}. Leave out the "
        "scores of corrupted images (--clean), or set a higher --limit."
    )


def _headline(run: RunFolder, clean_only: bool, rows: Collection[str]) -> RunTables:
    tables, detectors = run.tables, run.detectors
    of_fit = dict(zip(tables.fits["fit_id"], tables.fits["detector"], strict=True))
    lines = fitted_lines(tables.fits)
    scores = tables.scores
    pairs = scores[["fit_id", "score"]].drop_duplicates()
    kept = [
        row in rows
        or any(detectors[of_fit[fit]].is_headline(own) for own in (row, *lines.get(row, ())))
        for fit, row in zip(pairs["fit_id"], pairs["score"], strict=True)
    ]
    scores = scores.merge(pairs[kept], on=["fit_id", "score"])
    if clean_only:
        scores = scores[scores["corruption"] == CLEAN]
    order = ["fit_id", "score", "corruption", "severity", "image_id"]
    scores = scores.sort_values(order, ignore_index=True)
    rounded = scores.groupby(["fit_id", "score"], sort=False, observed=True)["value"].transform(
        _rounded
    )
    names = map(str, tables.images)
    columns = [name for name in names if name in KEPT or split_columns([name])]
    images = tables.images[columns].assign(path="")
    return replace(tables, scores=scores.assign(value=rounded), images=images)


def _rounded(values: pd.Series) -> pd.Series:
    """Values in single precision, as they are where that would lose their order."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32).astype(np.float64)
    same = np.isfinite(single).all() and single.nunique() == values.nunique()
    return single if same else values


def _without_paths(value: Any) -> Any:
    """The same with the last part alone of each absolute path in any text."""
    if isinstance(value, dict):
        return {key: _without_paths(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_paths(inner) for inner in value]
    if isinstance(value, str):
        return Path(value).name if value.startswith("/") else ABSOLUTE.sub("", value)
    return value


def _write(tables: RunTables, name: str, path: Path) -> None:
    table = stamped(as_texts(tables.scores) if name == "scores" else getattr(tables, name))
    split = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    texts = [field.name for field in table.schema if field.name not in split]
    with atomic_write(path) as partial:
        pq.write_table(
            table,
            partial,
            compression="brotli",
            compression_level=10,
            use_dictionary=texts,
            use_byte_stream_split=split,
            write_page_checksum=True,
            # One page: what repeats is found however far apart it is.
            row_group_size=ONE_PAGE,
            max_rows_per_page=ONE_PAGE,
            data_page_size=8 * ONE_PAGE,
        )
