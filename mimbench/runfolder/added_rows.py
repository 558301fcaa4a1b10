"""Rows made elsewhere: scores from CSV files beside a run's own, in a folder of their own.

The folder `added` below the run's holds the run's tables with the new rows joined to them, and is
read like any run's; the run itself is not changed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from mimbench.errors import OutputError, TableError
from mimbench.files import atomic_write, file_hash
from mimbench.recipes import content_hash
from mimbench.runfolder.derived import forget_derived
from mimbench.runfolder.external_scores import read_scores
from mimbench.runfolder.gallery import INDEX, THUMBNAILS, read_gallery, read_thumbnails
from mimbench.runfolder.info import (
    ELSEWHERE,
    AddedInfo,
    RunInfo,
    read_run_info,
    write_run_info,
)
from mimbench.runfolder.reading import changed_files, changed_tables
from mimbench.scores.coding import join_scores
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import (
    BESIDE,
    FIT_COLUMNS,
    RECORD,
    SCORE_COLUMNS,
    RunTables,
    checksums,
    more_fits,
)

__all__ = ["ADDED", "Added", "add_rows", "read_added"]

ADDED = "added"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Added:
    """One row made elsewhere.

    Attributes:
        info: what is known of it.
        fits: fits table of the row, one line per fold and seed that the file names.
        scores: its scores table.
        notes: what was left out, one sentence each.
    """

    info: AddedInfo
    fits: pd.DataFrame
    scores: pd.DataFrame
    notes: tuple[str, ...]


def add_rows(
    folder: Path, files: Sequence[Path], *, accept_changed: bool = False
) -> tuple[Path, tuple[str, ...]]:
    """Write the tables of a run with rows from CSV files into the folder `added` below it.

    Rows of an earlier call that are not among `files` are gone; the run itself stays as it is.

    Args:
        folder: of a finished run, or tables alone.
        files: one CSV file per row, see `external_scores.read_scores`; the row is called as its
            file.
        accept_changed: take tables that were changed since the run wrote them too.

    Returns:
        The folder, and what was left out of the files, one sentence each.

    Raises:
        TableError: a file is not as it must be, or the run's tables are not.
        OutputError: the folder cannot be written.
    """
    tables = read_tables(folder, accept_changed=accept_changed)
    info, edited = read_run_info(folder, accept_changed=accept_changed)
    changed = [RECORD] * edited + changed_tables(tables)
    changed += changed_files(folder, info, accept_changed=accept_changed)
    found: list[Added] = []
    for path in files:
        found.append(read_added(path, tables, taken=[other.info.name for other in found]))
    joined = RunTables(
        join_scores([tables.scores, *(row.scores for row in found)]),
        more_fits(tables.fits, pd.concat([row.fits for row in found], ignore_index=True)),
        tables.images,
    )
    out = folder / ADDED
    try:
        out.mkdir(exist_ok=True)
        joined.write(out)
        forget_derived(out, checksums(out))
        beside = [name for name in BESIDE if _copy(folder / name, out / name)]
        _copy_gallery(folder / "gallery", out / "gallery")
        write_run_info(out, _joined_info(folder, out, info, found, beside, changed))
    except OSError as error:
        raise OutputError(f"Cannot write to {out}: {error.strerror or error}.") from error
    return out, tuple(note for row in found for note in row.notes)


def _copy(source: Path, target: Path) -> bool:
    """Copy a file of the run that holds with the new rows as well; whether there is one."""
    if not source.is_file():
        return False
    with atomic_write(target) as partial:
        partial.write_bytes(source.read_bytes())
    return True


def _copy_gallery(source: Path, target: Path) -> None:
    """Copy the pictures that the gallery names, in place of an earlier copy's."""
    for name in _pictures(target):
        (target / name).unlink(missing_ok=True)
    names = _pictures(source)
    if names:
        target.mkdir(exist_ok=True)
    for name in names:
        _copy(source / name, target / name)


def _pictures(place: Path) -> list[str]:
    """Names of the records of a gallery, and of the files that they name."""
    small = read_thumbnails(place)
    names = [entry.file for entry in read_gallery(place)] + ([small.file] if small else [])
    return [*dict.fromkeys(names), INDEX, THUMBNAILS] if names else []


def _joined_info(
    folder: Path,
    out: Path,
    info: RunInfo,
    found: Sequence[Added],
    beside: Sequence[str],
    changed: Sequence[str],
) -> RunInfo:
    """The run's own description, with what was added to it."""
    name = info.name or folder.resolve().name
    return info.model_copy(
        update={
            "name": f"{name} with {', '.join(row.info.name for row in found)}",
            "checksums": checksums(out),
            "files": {name: file_hash(out / name) for name in beside},
            "changed": (*info.changed, *changed),
            "added": (*info.added, *(row.info for row in found)),
        }
    )


def read_added(path: Path, tables: RunTables, taken: Sequence[str] = ()) -> Added:
    """Read one row made elsewhere and check it against the tables of a run.

    Args:
        path: CSV file, see `mimbench.runfolder.external_scores.read_scores`.
        tables: of the run.
        taken: names that the row must not have besides those of the run's detectors.

    Raises:
        TableError: the file, its name or its content is not as it must be.
    """
    name = path.stem
    if not NAME.fullmatch(name):
        raise TableError(
            f"{path} would name a row '{name}'; use letters, digits and _ . + - in the file's name."
        )
    if name in {*tables.fits["detector"], *taken}:
        raise TableError(f"There is a detector called '{name}' already; give {path} another name.")
    read = read_scores(path, tables)
    digest = file_hash(path)
    cells = read.cells
    info = AddedInfo(
        name=name,
        file=str(path),
        sha256=digest,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        by_fold=bool(cells["fold"].notna().all()),
    )
    addresses = [
        f"added-{content_hash([name, digest, str(fold), str(seed)])[:10]}"
        for fold, seed in cells.itertuples(index=False)
    ]
    images = tables.images
    fits = pd.DataFrame(
        {
            "fit_id": addresses,
            "detector": name,
            "fitted_on": images.loc[images["role"] == "target", "category"].iloc[0],
            "withheld": "",
            "study": "",
            "fold": cells["fold"].to_numpy(),
            "seed": cells["seed"].to_numpy(),
            "control": False,
            "family": ELSEWHERE,
            "input_size": 0,
            "status": "ok",
            "reason": "",
            "recipe_hash": content_hash({"elsewhere": name}),
            "state_hash": digest,
            "seconds": float("nan"),
            "versions": "{}",
        }
    ).astype(FIT_COLUMNS)
    scores = read.scores.assign(fit_id=[addresses[cell] for cell in read.scores["cell"]])
    scores = scores.assign(score=name)[list(SCORE_COLUMNS)].astype(SCORE_COLUMNS)
    return Added(info, fits, scores.reset_index(drop=True), read.notes)
