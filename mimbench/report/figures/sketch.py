"""A figure before it is drawn: what it is called and says, and how to draw it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.entries import Leaderboard

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mimbench.report.results import Results

__all__ = ["Sketch", "Subject"]


@dataclass(frozen=True)
class Sketch:
    """A figure that is not drawn yet.

    Attributes:
        stem: file name without its ending, e.g. "roc".
        kind: which sort of figure it is, e.g. "degradation"; the page finds figures by it.
        title: what distinguishes it from others of its kind.
        words: what it shows, for those who cannot see it.
        draw: the drawing function with its data; equal functions and data are equal figures.
    """

    stem: str
    kind: str
    title: str
    words: str
    draw: "partial[Figure]"


@dataclass(frozen=True)
class Subject:
    """What figures are about: the results of a run, and how its rows are drawn.

    Attributes:
        results: every table of the run.
        styles: by row.
    """

    results: "Results"
    styles: Mapping[str, RowStyle]

    @property
    def board(self) -> Leaderboard:
        """The leaderboard."""
        return self.results.board

    @cached_property
    def headline(self) -> dict[str, RowStyle]:
        """Styles of the headline scores, in the order of the leaderboard."""
        return {entry.row: self.styles[entry.row] for entry in self.board.entries if entry.headline}

    @cached_property
    def lines(self) -> dict[str, RowStyle]:
        """Those of figures of lines: of each control the highest row alone."""
        drawn, controls = [], set()
        for entry in self.board.entries:
            if entry.headline and entry.detector.name not in controls:
                drawn.append(entry.row)
            if entry.headline and entry.control:
                controls.add(entry.detector.name)
        return {row: self.styles[row] for row in drawn}
