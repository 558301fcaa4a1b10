"""What a run leaves in its folder, read for the report."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mimbench.errors import TableError
from mimbench.evaluation.journal import Start, read_starts
from mimbench.recipes import validate
from mimbench.scores import RunTables, read_tables

__all__ = [
    "ELSEWHERE",
    "AddedInfo",
    "DetectorInfo",
    "GalleryEntry",
    "RunFolder",
    "RunInfo",
    "read_metadata",
    "read_run",
]

GENERATED = "generated"  # format of an image that no file holds
ELSEWHERE = "elsewhere"  # family of rows that another program scored

EXTRAS = ("verdicts", "subgroups", "audit", "training")


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DetectorInfo(_Record):
    """One detector as the run described it.

    Attributes:
        headline: the scores that speak for the detector; empty: all of them.
        open_set: the scores that are made for the open-set question.
        input_size: side of the square it sees, pixels; None: not known, or rows of several sizes.
    """

    name: str
    family: str = ""
    control: bool = False
    input_size: int | None = None
    headline: tuple[str, ...] = ()
    open_set: tuple[str, ...] = ()
    description: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether another program made its scores."""
        return self.family == ELSEWHERE

    def asks(self, row: str) -> str:
        """The question that a row is made to answer: "detection" or "open-set"."""
        return "open-set" if row.removeprefix(f"{self.name}/") in self.open_set else "detection"

    def is_headline(self, row: str) -> bool:
        """Whether the row speaks for the detector."""
        return not self.headline or row in {f"{self.name}/{score}" for score in self.headline}


class AddedInfo(_Record):
    """A row that another program scored.

    Attributes:
        file: as the user named it.
        sha256: of the file's bytes, hexadecimal.
        date: when it was added.
        by_fold: whether each fold has a fit of its own; else one fit serves all.
    """

    name: str
    file: str
    sha256: str
    date: str
    by_fold: bool

    @property
    def description(self) -> str:
        """Where it comes from, and what mimbench cannot know of it."""
        seen = "the test images of its fold" if self.by_fold else "a test image of any fold"
        return (
            f"Made elsewhere: {self.file}, SHA-256 {self.sha256[:12]}. That no fit behind it saw "
            f"{seen} is the word of whoever made it."
        )


class RunInfo(_Record):
    """Contents of run.json; a folder with the tables alone has the defaults.

    Attributes:
        canonical_size: side at which images were kept, pixels.
        corruption_size: side at which they were corrupted, pixels.
        run: the resolved run file.
        checksums: SHA-256 of the files of the three tables.
        added: rows that another program scored.
    """

    name: str = ""
    command: str = ""
    date: str = ""
    target: str = ""
    canonical_size: int | None = None
    corruption_size: int | None = None
    notes: tuple[str, ...] = ()
    environment: dict[str, Any] = Field(default_factory=dict)
    checksums: dict[str, str] = Field(default_factory=dict)
    run: dict[str, Any] = Field(default_factory=dict)
    detectors: tuple[DetectorInfo, ...] = ()
    added: tuple[AddedInfo, ...] = ()


class GalleryEntry(_Record):
    """One picture of the gallery, as `mimbench.evaluation.gallery` writes it.

    Attributes:
        row: the score that decides.
        kind: why the image is shown, e.g. "most confident right"; empty for a ladder.
        corruption: of a ladder, with one picture per entry of `severities` (0 is clean).
        scores: one per severity, or a single one; higher = less like the target.
        threshold: scores up to it are accepted as target.
        frozen: whether validation images set the threshold.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*\.png$")  # no path: it goes on the page
    detector: str
    row: str
    category: str
    role: str
    threshold: float
    frozen: bool
    scores: tuple[float, ...]
    kind: str = ""
    corruption: str = ""
    severities: tuple[int, ...] = ()


@dataclass(frozen=True)
class RunFolder:
    """A run folder in memory.

    Attributes:
        rejected: columns `path` and `reason`, one row per image that could not be read.
        starts: what every start of the run did and cost, oldest first.
        extras: tables that other commands leave in the folder, by file stem (`EXTRAS`).
    """

    path: Path
    tables: RunTables
    info: RunInfo
    rejected: pd.DataFrame
    gallery: tuple[GalleryEntry, ...]
    starts: tuple[Start, ...]
    extras: dict[str, pd.DataFrame]

    @property
    def name(self) -> str:
        """The run's name, or else its folder's."""
        return self.info.name or self.path.resolve().name

    @property
    def description(self) -> str:
        """What the run file says of the run; empty where it says nothing."""
        return str(self.info.run.get("description") or "")

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
    def target(self) -> str:
        """The target category."""
        images = self.tables.images
        names = images.loc[images["role"] == "target", "category"].unique()
        return str(names[0]) if len(names) else self.info.target

    @property
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


def read_run(folder: Path) -> RunFolder:
    """Read a finished run.

    Raises:
        TableError: a table is missing or wrong, or a CSV or JSON file cannot be read.
        RecipeError: a field of run.json or gallery.json is wrong.
    """
    extras = {stem: _read_csv(folder / f"{stem}.csv") for stem in EXTRAS}
    return RunFolder(
        path=folder,
        tables=read_tables(folder),
        info=_read_info(folder / "run.json"),
        rejected=_rejected(_read_csv(folder / "rejected.csv")),
        gallery=_read_gallery(folder / "gallery" / "gallery.json"),
        starts=tuple(read_starts(folder)),
        extras={stem: table for stem, table in extras.items() if table is not None},
    )


def _rejected(unread: pd.DataFrame | None) -> pd.DataFrame:
    """The files that should be images, without those that are none; older runs list no others."""
    if unread is None:
        return pd.DataFrame(columns=["path", "reason"])
    return unread[unread["what"] == "rejected"] if "what" in unread else unread


def _read_info(path: Path) -> RunInfo:
    return validate(RunInfo, read_metadata(path), path)


def read_metadata(path: Path) -> dict[str, Any]:
    """Contents of run.json; nothing where there is no such file.

    Raises:
        TableError: the file is not JSON.
    """
    metadata: dict[str, Any] = _read_json(path) if path.is_file() else {}
    return metadata


def _read_gallery(path: Path) -> tuple[GalleryEntry, ...]:
    if not path.is_file():
        return ()
    return tuple(validate(GalleryEntry, entry, path) for entry in _read_json(path))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TableError(f"{path} is not readable JSON: {error}.") from error


def _read_csv(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise TableError(f"{path} is not a readable CSV file: {error}.") from error
