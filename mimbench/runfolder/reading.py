"""What a run leaves in its folder, read for the report."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mimbench.errors import TableError
from mimbench.files import file_hash
from mimbench.runfolder.derived import unfit
from mimbench.runfolder.gallery import read_gallery, read_thumbnails
from mimbench.runfolder.history import Attempt, history_problem, read_attempts
from mimbench.runfolder.info import (
    ELSEWHERE,
    AddedInfo,
    DetectorInfo,
    GalleryEntry,
    RunInfo,
    Thumbnails,
    read_run_info,
)
from mimbench.scores.digests import read_json
from mimbench.scores.reading import doubt_about, read_tables
from mimbench.scores.tables import AS_IS, BESIDE, RECORD, RunTables
from mimbench.text import listed

__all__ = [
    "ELSEWHERE",
    "AddedInfo",
    "DetectorInfo",
    "GalleryEntry",
    "RunFolder",
    "RunInfo",
    "changed_files",
    "changed_tables",
    "read_run",
]

GENERATED = "generated"  # format of an image that no file holds
PHANTOM = "phantom"  # data set of the generated skin photos

EXTRAS = ("verdicts", "subgroups", "audit", "training")
DERIVED = {"verdicts": "mimbench verify", "subgroups": "mimbench subgroups"}  # by other commands
NEEDED = {  # columns that the page prints
    "rejected": ("path", "reason"),
    "audit": ("severity", "check", "message"),
    "subgroups": ("row", "metric", "role", "relation", "by", "group", "value_and_95_interval",
                  "target_patients", "other_patients"),
}  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """A run folder in memory.

    Attributes:
        rejected: columns `path` and `reason`, one row per image that could not be read.
        attempts: what every attempt of the run did and cost, oldest first.
        extras: tables that other commands leave in the folder, by file stem (`EXTRAS`).
        verdicts: content of verdicts.json, see `mimbench.claims.verdicts_of`; None if there is
            none.
        as_is: of a harmonised run, the tables of the same run on the images as they are.
        changed: files that were changed since the run recorded them, and accepted.
        thumbnails: small pictures of test images; None if there are none.
        doubts: why its files may not be what a run wrote, one sentence each.
    """

    path: Path
    tables: RunTables
    info: RunInfo
    rejected: pd.DataFrame
    gallery: tuple[GalleryEntry, ...]
    attempts: tuple[Attempt, ...]
    extras: dict[str, pd.DataFrame]
    as_is: RunTables | None
    changed: tuple[str, ...]
    doubts: tuple[str, ...]
    verdicts: dict[str, Any] | None = None
    thumbnails: Thumbnails | None = None

    @property
    def name(self) -> str:
        """The run's name, or else its folder's."""
        return self.info.name or self.path.resolve().name

    @property
    def description(self) -> str:
        """What the run file says of the run; empty where it says nothing."""
        return self.info.run.description

    @property
    def corrupted_at(self) -> str:
        """Size of the images when they were corrupted, in words; empty where that is not known."""
        kept = self.info.canonical_size or 0
        size = self.tables.corruption_size or self.info.corruption_size or kept
        if not size:
            return ""
        return f"{size} px, then resized to {kept} px" if kept and kept != size else f"{size} px"

    @property
    def generated(self) -> bool:
        """Whether every image was generated, so that no photo is among them."""
        images = self.tables.images
        return "format" in images and bool((images["format"] == GENERATED).all())

    @property
    def phantom(self) -> bool:
        """Whether generated images of the phantom are among them."""
        images = self.tables.images
        own = images["dataset"] == PHANTOM
        return "format" in images and bool((own & (images["format"] == GENERATED)).any())

    @property
    def target(self) -> str:
        """The target category."""
        images = self.tables.images
        names = images.loc[images["role"] == "target", "category"].unique()
        return str(names[0]) if len(names) else self.info.target

    @cached_property
    def detectors(self) -> dict[str, DetectorInfo]:
        """Detectors by name in the order of run.json; those that only the fits name follow."""
        described = {detector.name: detector for detector in self.info.detectors}
        for row in self.info.added:
            described[row.name] = DetectorInfo(name=row.name, description=row.description)
        for fit in self.tables.fits.drop_duplicates("detector").itertuples():
            name = str(fit.detector)
            facts = {
                "family": str(fit.family),
                "control": bool(fit.control),
                "input_size": int(str(fit.input_size)) or None,
            }
            before = described.get(name, DetectorInfo(name=name))
            described[name] = before.model_copy(update=facts)
        return described


def read_run(folder: Path, *, accept_changed: bool = False) -> RunFolder:
    """Read a finished run.

    Args:
        folder: of the run, or with the three tables alone.
        accept_changed: read what was changed since the run wrote it too; `doubts` names it.

    Raises:
        TableError: a table is missing or wrong, a file is not the one that the run recorded, or a
            CSV or JSON file cannot be read.
        RecipeError: a field of run.json or gallery.json is wrong.
        OutputError: something in the folder is a link.
    """
    tables = read_tables(folder, accept_changed=accept_changed)
    info, edited = read_run_info(folder, accept_changed=accept_changed)
    as_is = None
    if info.run.data.harmonise and (folder / AS_IS / "scores.parquet").is_file():
        as_is = read_tables(folder / AS_IS, accept_changed=accept_changed)
    changed = [RECORD] * edited + changed_tables(tables) + changed_tables(as_is, f"{AS_IS}/")
    changed += changed_files(folder, info, accept_changed=accept_changed)
    extras, not_shown = _read_extras(folder, tables)
    verdicts, why_not = _read_verdicts(folder, tables)
    return RunFolder(
        path=folder,
        tables=tables,
        info=info,
        rejected=_rejected(_read_csv(folder / "rejected.csv")),
        gallery=read_gallery(folder / "gallery"),
        attempts=tuple(read_attempts(folder)),
        extras=extras,
        as_is=as_is,
        changed=tuple(changed),
        doubts=(*_doubts(folder, tables, changed, info), *why_not, *not_shown),
        verdicts=verdicts,
        thumbnails=read_thumbnails(folder / "gallery"),
    )


def _rejected(unread: pd.DataFrame | None) -> pd.DataFrame:
    """The files that should be images, without those that are none; older runs list no others."""
    if unread is None or unread.empty:
        return pd.DataFrame(columns=["path", "reason"])
    return unread[unread["what"] == "rejected"] if "what" in unread else unread


def changed_tables(tables: RunTables | None, where: str = "") -> list[str]:
    """Names of files that are not those that their run recorded, and were accepted."""
    if tables is None or tables.origin is None:
        return []
    return [f"{where}{name}.parquet" for name in tables.origin.changed]


def changed_files(folder: Path, info: RunInfo, *, accept_changed: bool) -> list[str]:
    """Which of the files beside the tables are not those that the run recorded.

    Raises:
        TableError: there is one, and that is not accepted.
    """
    changed = [
        name
        for name, digest in info.files.items()
        if name in BESIDE and not ((folder / name).is_file() and file_hash(folder / name) == digest)
    ]
    if changed and not accept_changed:
        raise TableError(
            f"{folder / changed[0]} is not what the run recorded in {RECORD}: it was changed or "
            "removed, or the run was interrupted. Repeat the run or bring the file back; if you "
            "edited it on purpose, use --accept-changed."
        )
    return changed


def _doubts(folder: Path, tables: RunTables, changed: list[str], info: RunInfo) -> Iterator[str]:
    if changed:
        yield (
            f"Changed since the run recorded them: {', '.join(changed)}. They were accepted with "
            "--accept-changed, and all numbers here are computed from them as they are now."
        )
    if info.changed:
        yield (
            f"Made from a run that was changed after it was recorded: {', '.join(info.changed)}; "
            "the changes were accepted with --accept-changed."
        )
    accepted = tables.origin is not None and tables.origin.changed
    if not accepted and (doubt := doubt_about(tables)):
        yield doubt[0].upper() + doubt[1:]
    if problem := history_problem(folder):
        yield problem


def _read_extras(folder: Path, tables: RunTables) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """What other commands left, and for each that must not be shown a sentence why."""
    extras: dict[str, pd.DataFrame] = {}
    not_shown = []
    for stem in EXTRAS:
        path = folder / f"{stem}.csv"
        if not path.is_file():
            continue
        if stem == "verdicts" and path.with_suffix(".json").is_file():
            continue
        if reason := _unfit(path, tables):
            not_shown.append(reason)
            continue
        table = _read_csv(path)
        extras |= {} if table is None else {stem: table}
    return extras, not_shown


def _read_verdicts(folder: Path, tables: RunTables) -> tuple[dict[str, Any] | None, list[str]]:
    """The content of verdicts.json, or a sentence why it must not be shown."""
    path = folder / "verdicts.json"
    if not path.is_file():
        return None, []
    if reason := _unfit(path, tables):
        return None, [reason]
    content = read_json(path)
    if not isinstance(content, dict):
        raise TableError(f"{path} is damaged: it holds no verdicts; repeat mimbench verify.")
    return content, []


def _unfit(path: Path, tables: RunTables) -> str:
    """Why a file that another command made must not be shown; empty if it may."""
    command = DERIVED.get(path.stem)
    if command is None:
        return ""
    return unfit(path, tables.origin.checksums if tables.origin else {}, command)


def _read_csv(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise TableError(f"{path} is not a readable CSV file: {error}.") from error
    needed = [name for name in NEEDED.get(path.stem, ()) if name not in table]
    if needed:
        raise TableError(
            f"{path} lacks the {listed('column', needed)}. Repeat the run, or remove the file."
        )
    return table
