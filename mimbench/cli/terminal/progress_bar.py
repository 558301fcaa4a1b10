"""Progress on a terminal: a live bar, or a line now and then where the output is a file."""

import time
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from mimbench.runfolder.history import duration

__all__ = ["Display"]

# Where the output is no terminal: the least seconds between lines, the share of a stage that is
# worth one, and the seconds after which there is one anyway.
PLAIN_INTERVAL, PLAIN_SHARE, PLAIN_LONGEST = 30.0, 0.1, 300.0
TOLD_FROM = 0.02  # of a stage: what is left is not told from its start-up


class _Times(ProgressColumn):
    """One estimate: of the whole run where there is one, else of the stage."""

    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        passed, left = timedelta(seconds=int(task.elapsed or 0)), task.fields.get("left")
        if left:
            return Text(_left("whole run", left))
        of_stage = task.time_remaining if not task.finished else None
        told = f", {duration(of_stage)} left" if of_stage else ""
        return Text(f"{passed} passed{told}")


def _left(of: str, seconds: float) -> str:
    return f"{of}: {duration(seconds)} left"


class Display:
    """A `mimbench.progress.Progress` that writes to a console; use it in `with`."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        """`quiet` shows messages only."""
        self.console = console
        self.quiet = quiet
        self.title = ""
        self.total = 0.0
        self.task: TaskID | None = None
        self.spoke = self.began = time.monotonic()
        self.told = 0.0  # share of the stage, in the last line
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=10),
            TaskProgressColumn(),
            _Times(table_column=Column(no_wrap=True)),
            # The note alone gives way where the line is too long; rich would drop the bar first.
            TextColumn(
                "{task.fields[note]}",
                style="dim",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            console=console,
            expand=True,
        )
        # FORCE_COLOR, as set in CI, makes rich call a log a terminal; a bar would fill it.
        drawn = console.file.isatty() and not console.is_dumb_terminal
        self.live = drawn and not quiet

    def __enter__(self) -> "Display":
        if self.live:
            self.bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self.live:
            self.bar.stop()

    def stage(self, title: str, total: float) -> None:
        """A stage of `total` units begins."""
        self.title, self.total = title, total
        self.began = self.spoke = time.monotonic()
        self.told = 0.0
        if self.live:
            self.task = self.bar.add_task(title, total=total, note="")
        elif not self.quiet:
            self.console.print(f"{title} ...")

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        """`done` units are finished; `left` is what is left of the whole run, seconds."""
        if self.live and self.task is not None:
            self.bar.update(self.task, completed=done, note=note, left=left)
            return
        now = time.monotonic()
        spent, silent = now - self.began, now - self.spoke
        share = done / self.total if self.total else 1.0
        due = silent > PLAIN_INTERVAL and self.told + PLAIN_SHARE <= share < 1
        if not self.quiet and (due or silent > PLAIN_LONGEST):
            self.spoke, self.told = now, share
            rest = spent * (1 - share) / share if share > TOLD_FROM else 0.0
            told = f", {_left('this stage', rest)}" if rest else ""
            if left:
                told = f", {_left('whole run', left)}"
            self.console.print(
                f"{self.title}: {share:.0%}{told}  {note}", highlight=False, markup=False
            )

    def message(self, text: str) -> None:
        """A line of its own."""
        self.console.print(text, style="yellow", highlight=False, markup=False)
