"""The history of a run: what every attempt planned, computed, found done, and what that cost.

A resumed run is short because earlier attempts did the work, so all of them are kept, also those
that were killed: the file is brought up to date while the run goes on.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mimbench.errors import TableError
from mimbench.progress import Progress
from mimbench.runfolder.cost import Cost, Meter
from mimbench.scores.digests import read_json, read_sealed, write_sealed

__all__ = [
    "Attempt",
    "HistoryProgress",
    "RunHistory",
    "Tally",
    "add_cost",
    "blocks_done",
    "duration",
    "fits_done",
    "history_problem",
    "read_attempts",
]

FILE = "starts.json"
INTERVAL = 10.0  # seconds between two updates of the file


Measured = Annotated[float, Field(ge=0, le=1e15)]  # seconds or bytes


class Tally(BaseModel):
    """How many entries of the store an attempt needs: found there, and computed by it."""

    model_config = ConfigDict(extra="ignore")

    planned: int = 0
    found: int = 0
    computed: int = 0


class Attempt(BaseModel):
    """One attempt to make a run: from its start to its end or interruption.

    Attributes:
        started: UTC, ISO 8601.
        ended: its last sign of life.
        finished: whether it came to the tables; False if it was interrupted.
        costs: time and memory by stage (`Cost`), as far as it came.
        fit_ids: of all planned fits; of the last attempt only.
    """

    model_config = ConfigDict(extra="ignore")

    command: str = ""
    started: str = ""
    ended: str = ""
    finished: bool = False
    failed_rows: int = 0
    environment: dict[str, Any] = Field(default_factory=dict)
    costs: dict[str, dict[str, Measured]] = Field(default_factory=dict)
    fits: Tally = Field(default_factory=Tally)
    blocks: Tally = Field(default_factory=Tally)
    fit_ids: list[str] = Field(default_factory=list)


def read_attempts(folder: Path) -> list[Attempt]:
    """All attempts of a run, oldest first; none if there is no record that can be believed."""
    return _read(folder)[0]


def history_problem(folder: Path) -> str:
    """Why the history cannot be believed, in a sentence; empty if it can, or is not."""
    return _read(folder)[1]


def _read(folder: Path) -> tuple[list[Attempt], str]:
    path = folder / FILE
    if not path.exists():
        return [], ""
    try:
        content = read_json(path)
        kept = content if isinstance(content, list) else read_sealed(path)[0]["starts"]
        return [Attempt.model_validate(attempt) for attempt in kept], ""
    except (TableError, ValueError, TypeError, KeyError):  # pydantic's are ValueErrors
        return [], f"{FILE} is damaged, so the run's time and memory are unknown."


def add_cost(folder: Path, stage: str, cost: Cost) -> None:
    """Add a stage that follows the tables to the last attempt, unless it has it already.

    What is made again later on demand is no part of what the run cost.
    """
    attempts = read_attempts(folder)
    if attempts and stage not in attempts[-1].costs:
        attempts[-1].costs[stage] = cost.as_json()
        _write(folder, attempts)


class RunHistory:
    """Keeps the record of the attempt that is under way, beside those of earlier ones."""

    def __init__(
        self,
        folder: Path,
        command: str,
        environment: Mapping[str, Any],
        fit_ids: Sequence[str],
        planned: tuple[int, int],
    ) -> None:
        """Begin an attempt.

        Args:
            folder: of the run.
            command: what the user typed.
            environment: versions, hardware, threads.
            fit_ids: of the planned fits.
            planned: number of fits and of blocks of scores.
        """
        self.folder = folder
        self.earlier = read_attempts(folder)
        for attempt in self.earlier:
            attempt.fit_ids = []
        self.now = Attempt(
            command=command,
            started=_time(),
            environment=dict(environment),
            fit_ids=sorted(fit_ids),
            fits=Tally(planned=planned[0], found=fits_done(folder, fit_ids)),
            blocks=Tally(planned=planned[1]),
        )
        self.blocks_before = blocks_done(folder, fit_ids)
        self.stage_name, self.meter = "", Meter()
        self.updated = time.monotonic()
        self._keep()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage; what it cost is kept even if it ends with an exception."""
        self.stage_name, self.meter = name, Meter()
        try:
            yield
        finally:
            self._keep()
            self.stage_name = ""

    def update(self) -> None:
        """Keep what is known now, if that was not done a moment ago."""
        if time.monotonic() - self.updated > INTERVAL:
            self._keep()

    def finish(self, failed_rows: int) -> list[Attempt]:
        """The run came to its tables. Returns all attempts."""
        self.now.finished, self.now.failed_rows = True, failed_rows
        self._keep()
        return [*self.earlier, self.now]

    def _keep(self) -> None:
        now = self.now
        if self.stage_name:
            now.costs[self.stage_name] = self.meter.read().as_json()
        now.ended = _time()
        now.fits.computed = fits_done(self.folder, now.fit_ids) - now.fits.found
        computed = blocks_done(self.folder, now.fit_ids) - self.blocks_before
        now.blocks.computed = max(computed, 0)  # a kill may have left a block in two files
        if now.finished and not now.failed_rows:
            now.blocks.found = now.blocks.planned - now.blocks.computed
        _write(self.folder, [*self.earlier, now])
        self.updated = time.monotonic()


class HistoryProgress:
    """Progress that keeps the history up to date while it is told how far the run is."""

    def __init__(self, progress: Progress, history: RunHistory) -> None:
        """Pass everything on to `progress`."""
        self.progress, self.history = progress, history
        self.stages: dict[str, float] = {}
        self.began, self.total = time.monotonic(), 0.0

    def expect(self, fit: float, score: float) -> None:
        """Wall time that fitting and scoring are expected to take, seconds."""
        self.stages = {"fit": fit, "score": score}

    def stage(self, title: str, total: float) -> None:
        """A stage of `total` units begins."""
        self.began, self.total = time.monotonic(), total
        self.progress.stage(title, total)

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        """`done` units are finished; what is left of the whole run is worked out here."""
        self.history.update()
        self.progress.update(done, note, self._left(done, left))

    def message(self, text: str) -> None:
        """A line of its own."""
        self.progress.message(text)

    def _left(self, done: float, told: float | None) -> float | None:
        """Seconds until the last score: by this stage's pace, and the estimate of the next.

        `told` is what is left of this stage, where whoever does it knows.
        """
        scoring = self.history.stage_name == "score"
        expected = self.stages.get(self.history.stage_name)
        if expected is None or not self.total:
            return told if scoring else None
        share = min(done / self.total, 1.0)
        spent = time.monotonic() - self.began
        estimated = max(expected - spent, 0.0)
        paced = told if told is not None or not share else spent / share - spent
        # the pace is worth as much as has been done of the stage
        own = estimated if paced is None else share * paced + (1 - share) * estimated
        return own if scoring else own + self.stages["score"]


def duration(seconds: float) -> str:
    """A time in words with two significant parts: "48 s", "12 min", "5 h 20 min"."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def fits_done(folder: Path, fit_ids: Sequence[str]) -> int:
    """How many of these fits the store has."""
    return sum((folder / "fits" / f"{fit_id}.json").is_file() for fit_id in fit_ids)


def blocks_done(folder: Path, fit_ids: Sequence[str]) -> int:
    """How many blocks of scores the store has of these fits."""
    from mimbench.runfolder.merged_blocks import count_in  # pandas takes long to import

    folders = [folder / "blocks" / fit_id for fit_id in fit_ids]
    return sum(count_in(path) for folder in folders for path in folder.glob("*.parquet"))


def _write(folder: Path, attempts: Sequence[Attempt]) -> None:
    content = [attempt.model_dump(mode="json", exclude_defaults=True) for attempt in attempts]
    write_sealed(folder / FILE, {"starts": content})


def _time() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
