"""What runs left on disk: which state they are in, and what nothing refers to any more."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.errors import MimbenchError, OutputError, TableError
from mimbench.runfolder.history import (
    Attempt,
    blocks_done,
    fits_done,
    history_problem,
    read_attempts,
)
from mimbench.runfolder.info import require_run_info
from mimbench.runfolder.score_blocks import read_block
from mimbench.scores.reading import read_table, read_tables
from mimbench.scores.run_files import AS_IS, BLOCK, FIT, partials, refuse_links
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.text import counted

__all__ = ["Leftover", "RunState", "find_runs", "leftovers", "remove"]

CHECKPOINT = ".checkpoint.safetensors"


@dataclass(frozen=True)
class RunState:
    """A run's folder, seen from outside.

    Attributes:
        state: "finished", "unfinished" or "unreadable".
        detail: how far an unfinished run came, what failed, or what cannot be read.
        size: of everything in the folder, bytes.
        date: of the tables, or else of the last attempt, UTC, ISO 8601.
        command: that made it.
    """

    folder: Path
    state: str
    detail: str
    size: int
    date: str
    command: str


@dataclass(frozen=True)
class Leftover:
    """Files of one kind that nothing refers to."""

    what: str
    paths: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for path in self.paths)


def find_runs(place: Path) -> list[RunState]:
    """The run in `place`, or else those in its subfolders, by name.

    Raises:
        OutputError: there is no such folder.
    """
    if not place.is_dir():
        raise OutputError(f"There is no folder {place}; runs are in ./runs unless made with --out.")
    folders = [place] if _is_run(place) else sorted(filter(_is_run, place.iterdir()))
    return [_state(folder) for folder in folders]


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("run.json", "starts.json", "fits.parquet"))


def _state(folder: Path) -> RunState:
    size = _size(folder)
    try:
        refuse_links(folder)
    except OutputError as error:
        return RunState(folder, "unreadable", str(error), size, "", "")
    attempts = read_attempts(folder)
    last = attempts[-1] if attempts else Attempt()
    if attempts and not last.finished:
        done = (
            f"{fits_done(folder, last.fit_ids)} of "
            f"{counted(last.fits.planned, 'trained model')}, "
            f"{blocks_done(folder, last.fit_ids)} of "
            f"{counted(last.blocks.planned, 'block')} of scores"
        )
        return RunState(folder, "unfinished", done, size, last.started, last.command)
    try:
        info = require_run_info(folder)
        for name in ("scores", "images"):
            pq.read_metadata(folder / f"{name}.parquet")
        status = read_table(folder, "fits")["status"].tolist()
    except (MimbenchError, OSError, ValueError, pa.ArrowException) as error:
        problem = next(iter(str(error).splitlines()), type(error).__name__)
        return RunState(folder, "unreadable", problem, size, last.started, last.command)
    failed = status.count("failed")
    detail = counted(len(status), "trained model")
    detail += f", {failed} failed" if failed else ""
    return RunState(folder, "finished", detail, size, info.date, info.command)


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; what links lead to is not part of it."""
    size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                size += _size(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                size += entry.stat(follow_symlinks=False).st_size
    return size


def leftovers(folder: Path) -> list[Leftover]:
    """What the current tables of a run do not need.

    A fit is needed if the tables name it, a block of scores if they hold its very numbers; what
    belongs to a failed row is kept for the next try. Of a harmonised run both parts are looked at.

    Raises:
        OutputError: the run is unfinished, so that the next attempt needs what is there; or a link
            in the folder leads elsewhere.
        TableError: the folder has no tables, or they cannot be read.
    """
    refuse_links(folder, store=True)
    found = []
    for part in (folder, folder / AS_IS):
        if part is folder or _is_run(part):
            attempts = read_attempts(part)
            if problem := history_problem(part):
                raise OutputError(
                    f"{part}: {problem} It may be unfinished. Repeat its command first, or remove "
                    "the folder."
                )
            if attempts and not attempts[-1].finished:
                raise OutputError(
                    f"{part} is unfinished: what is there will be used when its command is "
                    "repeated. Finish it first, or remove the folder."
                )
            found += _of_part(part)
    found.append(Leftover("files cut off by a killed process", tuple(partials(folder))))
    return [leftover for leftover in found if leftover.paths]


def remove(found: Iterable[Leftover]) -> None:
    """Remove files of `leftovers`, and the folders that are empty then."""
    for leftover in found:
        for path in leftover.paths:
            path.unlink(missing_ok=True)
            if path.parent.parent.name == "blocks" and not any(path.parent.iterdir()):
                path.parent.rmdir()


def _of_part(folder: Path) -> list[Leftover]:
    tables = read_tables(folder)
    states = {str(row["fit_id"]): str(row["state_hash"]) for row in tables.fits.to_dict("records")}
    fits = [path for path in sorted((folder / "fits").glob("*.json")) if _named(path.stem, FIT)]
    stale = [note.stem for note in fits if note.stem not in states]
    any_failed = (tables.fits["status"] == "failed").any()  # it may go on from its checkpoint
    checkpoints = [
        path
        for path in sorted((folder / "fits").glob(f"*{CHECKPOINT}"))
        if _named(name := path.name.removesuffix(CHECKPOINT), FIT)
        and (not any_failed or name in states)
    ]
    states_of = [folder / "fits" / f"{name}.safetensors" for name in stale]
    notes = [folder / "fits" / f"{name}.json" for name in stale]
    return [
        Leftover("fits", (*filter(Path.is_file, states_of), *notes)),
        Leftover("checkpoints", tuple(checkpoints)),
        Leftover("blocks of scores", tuple(_stale_blocks(folder, tables, states))),
    ]


def _named(name: str, pattern: str) -> bool:
    """Whether a run gives such names; what the user put beside its files is nothing of it."""
    return re.fullmatch(pattern, name) is not None


def _stale_blocks(folder: Path, tables: RunTables, states: dict[str, str]) -> Iterator[Path]:
    ours = {
        str(name): own for name, own in tables.scores.groupby("fit_id", sort=False, observed=True)
    }
    for place in sorted((folder / "blocks").glob("*")):
        if not _named(place.name, FIT):
            continue
        if place.name in states and place.name not in ours:
            continue  # a failed row
        held = _by_condition(ours[place.name]) if place.name in ours else {}
        for path in sorted(place.glob("*.parquet")):
            if not _named(path.stem, BLOCK):
                continue
            if not held or not _is_held(path, held, states[place.name]):
                yield path


Held = dict[tuple[str, int], pd.DataFrame]


def _by_condition(scores: pd.DataFrame) -> Held:
    """Per condition the fit's scores: image_id x score."""
    keys = ["score", "corruption", "severity", "image_id"]
    if scores.duplicated(keys).any():
        raise TableError("Table 'scores' has an image twice for one fit, score and condition.")
    return {
        (str(own["corruption"].iloc[0]), int(own["severity"].iloc[0])): own.pivot(
            index="image_id", columns="score", values="value"
        )
        for _, own in scores.groupby(["corruption", "severity"], sort=False, observed=True)
    }


def _is_held(path: Path, held: Held, state: str) -> bool:
    """Whether the tables hold the numbers of a block."""
    block = read_block(path)
    if block is None:
        return False  # damaged, or it does not say what it is: computed again if ever needed
    about = block.about
    try:
        corruption = about["condition"]["corruption"]
        condition = (corruption["name"] if corruption else CLEAN, about["condition"]["severity"])
        own = block.scores.set_index("image_id")
        if about["state"] != state or condition not in held:
            return False
    except (KeyError, TypeError):
        return False  # it has a digest, but was written by something else
    theirs = held[condition].reindex(index=own.index, columns=own.columns)
    return bool((own.to_numpy() == theirs.to_numpy()).all())
