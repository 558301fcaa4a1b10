"""What run.json and gallery.json say, with types."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["ELSEWHERE", "AddedInfo", "DetectorInfo", "GalleryEntry", "RunInfo"]

ELSEWHERE = "elsewhere"  # family of rows that another program scored


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
        checksums: SHA-256 of the files of the three tables.
        files: SHA-256 of other files that the run wrote, by name (`BESIDE`).
        run: the resolved run file.
        rounding: what was done to the scores of a compact run, as a sentence; empty: nothing.
        changed: what was not as a run had recorded it when these tables were made from its own.
        added: rows that another program scored.
    """

    name: str = ""
    command: str = ""
    date: str = ""
    target: str = ""
    canonical_size: int | None = None
    corruption_size: int | None = None
    notes: tuple[str, ...] = ()
    rounding: str = ""
    environment: dict[str, Any] = Field(default_factory=dict)
    checksums: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    run: dict[str, Any] = Field(default_factory=dict)
    changed: tuple[str, ...] = ()
    detectors: tuple[DetectorInfo, ...] = ()
    added: tuple[AddedInfo, ...] = ()

    @property
    def description(self) -> str:
        """What the run file says of the run; empty where it says nothing."""
        said = self.run.get("description")
        return said if isinstance(said, str) else ""

    @property
    def harmonised(self) -> bool:
        """Whether the run harmonised its images."""
        data = self.run.get("data")
        return isinstance(data, dict) and data.get("harmonise") is True


class GalleryEntry(_Record):
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
