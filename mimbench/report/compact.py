"""The tables of a run in a form small enough to keep in a repository."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.errors import OutputError
from mimbench.files import whole
from mimbench.recipes import file_hash
from mimbench.report.folder import RunFolder, read_metadata, read_run
from mimbench.scores import CLEAN, RunTables, stamped

__all__ = ["write_compact"]

TABLES = ("scores", "fits", "images")


def write_compact(folder: Path, out: Path, *, clean_only: bool = False) -> int:
    """Write the headline rows of a run into a folder that `report`, `verify` and `gate` take.

    Scores are rounded to single precision, which is what detectors compute in; file paths and
    columns of the images that the tables do not need are left out, and so is everything else in
    the folder.

    Args:
        folder: of a finished run.
        out: a new or empty folder.
        clean_only: leave out the scores of corrupted images.

    Returns:
        Size of what was written, bytes.

    Raises:
        TableError: a table of the run is missing or wrong.
        OutputError: `out` holds something, or cannot be written.
    """
    run = read_run(folder)
    tables = _headline(run, clean_only)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise OutputError(f"{out} is not empty; choose a folder that is not there yet.")
        for name in TABLES:
            _write(tables, name, out / f"{name}.parquet")
        checksums = {name: file_hash(out / f"{name}.parquet") for name in TABLES}
        metadata = read_metadata(folder / "run.json") | {"checksums": checksums}
        with whole(out / "run.json") as partial:
            partial.write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}.") from error
    return sum(path.stat().st_size for path in out.iterdir())


def _headline(run: RunFolder, clean_only: bool) -> RunTables:
    tables, detectors = run.tables, run.detectors
    of_fit = dict(zip(tables.fits["fit_id"], tables.fits["detector"], strict=True))
    scores = tables.scores
    pairs = scores[["fit_id", "score"]].drop_duplicates()
    kept = [
        detectors[of_fit[fit]].is_headline(row)
        for fit, row in zip(pairs["fit_id"], pairs["score"], strict=True)
    ]
    scores = scores.merge(pairs[kept], on=["fit_id", "score"])
    if clean_only:
        scores = scores[scores["corruption"] == CLEAN]
    order = ["fit_id", "score", "corruption", "severity", "image_id"]
    scores = scores.sort_values(order, ignore_index=True)
    values = scores["value"].to_numpy(np.float32).astype(np.float64)
    return replace(tables, scores=scores.assign(value=values), images=tables.images.assign(path=""))


def _write(tables: RunTables, name: str, path: Path) -> None:
    table = stamped(getattr(tables, name))
    split = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    texts = [field.name for field in table.schema if field.name not in split]
    with whole(path) as partial:
        pq.write_table(
            table,
            partial,
            compression="zstd",
            compression_level=19,
            use_dictionary=texts,
            use_byte_stream_split=split,
        )
