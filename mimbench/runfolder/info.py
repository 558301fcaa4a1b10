"""`RunInfo`, of which run.json is the JSON, and its only reader and writer."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from mimbench.errors import TableError
from mimbench.recipes import Recipe, validate
from mimbench.scores.digests import write_sealed
from mimbench.scores.reading import read_record
from mimbench.scores.tables import RECORD

__all__ = [
    "ELSEWHERE",
    "AddedInfo",
    "DataSettings",
    "DetectorInfo",
    "GalleryEntry",
    "RunInfo",
    "RunSettings",
    "Thumbnails",
    "read_run_info",
    "require_run_info",
    "write_run_info",
]

ELSEWHERE = "elsewhere"  # family of rows that another program scored
VERSION = 1  # of the form of run.json; files from before it was written have this form


class _Record(BaseModel):
    """A part of a record, with what a newer mimbench may have written beside: it is kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class DetectorInfo(_Record):
    """One detector as the run described it: its recipe, and what its class says of itself.

    Attributes:
        detector: what was built: a path in mimbench, an installed plug-in, or a file and an object.
        input_size: side of the square it sees, pixels; None: not known, or rows of several sizes.
        scores: the scores that were kept; empty: all that it yields.
        headline: the scores that speak for the detector; empty: all of them.
        trains_on: what its fit may see.
        open_set: the scores that are made for the open-set question.
        files: SHA-256 of its code and of the files that its recipe names, by their names; None:
            not recorded.
    """

    name: str
    detector: str = ""
    description: str = ""
    reference: str = ""
    family: str = ""
    control: bool = False
    input_size: int | None = None
    scores: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    parameters: dict[str, Any] = Field(default_factory=dict)
    trains_on: str = ""
    open_set: tuple[str, ...] = ()
    files: dict[str, str] | None = None

    def recipe(self, where: Path) -> Recipe:
        """The recipe that it was built from.

        Args:
            where: file that says so, for messages.

        Raises:
            RecipeError: a field is missing or wrong.
        """
        given = self.model_dump(mode="json", include=set(Recipe.model_fields), exclude_unset=True)
        return validate(Recipe, given, where)

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
            f"{seen} cannot be verified by mimbench."
        )


class DataSettings(_Record):
    """What of a run file's table `data` is needed without the images; the rest stands beside."""

    harmonise: bool = False


class RunSettings(_Record):
    """What of the resolved run file is needed to read a run; the rest stands beside.

    `mimbench.evaluation.planning.plan.RunFile` is the whole of it.
    """

    description: str = ""
    plan_seed: int = 0
    data: DataSettings = DataSettings()

    def as_json(self) -> dict[str, Any]:
        """The run file as it was recorded."""
        return self.model_dump(mode="json", exclude_unset=True)


class RunInfo(_Record):
    """Contents of run.json; a folder with the tables alone has the defaults.

    Attributes:
        version: of the form of run.json.
        command: what the user typed.
        folder: absolute path of the folder in which the run was started.
        date: of the tables, UTC, ISO 8601.
        environment: versions, hardware, threads.
        checksums: SHA-256 of the files of the three tables.
        files: SHA-256 of other files that the run wrote, by name (`BESIDE`).
        target: the target category.
        canonical_size: side at which images were kept, pixels; None: not known.
        corruption_size: side at which images were corrupted, pixels; None: not known.
        notes: what the reader should know of the images, one sentence each.
        run: the resolved run file.
        rounding: what was done to the scores of a compact run, as a sentence; empty: nothing.
        changed: what was not as a run had recorded it when these tables were made from its own.
        added: rows that another program scored.
    """

    version: int = Field(default=VERSION, ge=1)
    name: str = ""
    command: str = ""
    folder: str = ""
    date: str = ""
    environment: dict[str, Any] = Field(default_factory=dict)
    checksums: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    target: str = ""
    canonical_size: int | None = None
    corruption_size: int | None = None
    notes: tuple[str, ...] = ()
    run: RunSettings = RunSettings()
    detectors: tuple[DetectorInfo, ...] = ()
    rounding: str = ""
    changed: tuple[str, ...] = ()
    added: tuple[AddedInfo, ...] = ()

    @field_serializer("run")
    def _run_file(self, run: RunSettings) -> dict[str, Any]:
        return run.as_json()


def read_run_info(folder: Path, *, accept_changed: bool = False) -> tuple[RunInfo, bool]:
    """What run.json says, and whether it was changed since; the defaults where there is none.

    Raises:
        TableError: it is not readable, was written by a newer mimbench, or was changed and that is
            not accepted.
        RecipeError: a field is wrong.
    """
    record, changed = read_record(folder, accept_changed=accept_changed)
    version = record.get("version")
    if type(version) is int and version > VERSION:
        raise TableError(
            f"{folder / RECORD} has version {version}, this mimbench reads up to {VERSION}; "
            "upgrade mimbench."
        )
    return validate(RunInfo, record, folder / RECORD), changed


def require_run_info(folder: Path, *, accept_changed: bool = False) -> RunInfo:
    """What run.json says, where the run cannot be used without; errors as of `read_run_info`.

    Raises:
        TableError: there is none.
    """
    if not (folder / RECORD).exists():
        raise TableError(
            f"{folder / RECORD} does not exist; is {folder} the folder of a finished run? "
            "One that was stopped has it when the same command has run to its end."
        )
    return read_run_info(folder, accept_changed=accept_changed)[0]


def write_run_info(folder: Path, info: RunInfo) -> None:
    """Write run.json.

    Raises:
        OutputError: the disk is full.
    """
    write_sealed(folder / RECORD, info.model_dump(mode="json"))


class Thumbnails(BaseModel):
    """Small pictures of test images, as `mimbench.evaluation.gallery.thumbnails` writes them.

    Attributes:
        file: holds them all.
        sha256: of the file's bytes.
        tile: side of a picture, pixels; images lie below each other.
        columns: pictures beside each other: the original, and inpainted and difference if three.
        detector: that inpainted; empty if none did.
        images: image_ids, from the top.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*\.jpg$")  # no path: it goes on the page
    sha256: str
    tile: int = Field(ge=8, le=256)
    columns: Literal[1, 3]
    detector: str = ""
    images: tuple[str, ...]


class GalleryEntry(BaseModel):
    """One picture of the gallery, as `mimbench.evaluation.gallery.write` writes it.

    Attributes:
        sha256: of the picture's bytes; empty in records of before it was kept.
        row: the score that decides.
        kind: why the image is shown, e.g. "most confident right"; empty for a ladder.
        corruption: of a ladder, with one picture per entry of `severities` (0 is clean).
        scores: one per severity, or a single one; higher = less like the target.
        threshold: scores up to it are accepted as target.
        frozen: whether validation images set the threshold.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

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
    sha256: str = ""

    @model_validator(mode="after")
    def _one_score_per_step(self) -> "GalleryEntry":
        if len(self.scores) != (len(self.severities) if self.corruption else 1):
            raise ValueError("scores: one per severity, or a single one")
        return self
