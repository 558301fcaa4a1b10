"""Figures of a run on axes of the caller's, in the style of the report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mimbench.errors import UnknownNameError
from mimbench.report.figures.degradation import (
    ALL_CORRUPTIONS,
    LOWEST,
    degradation_curves,
    draw_panel,
)
from mimbench.report.figures.styles import row_styles

if TYPE_CHECKING:
    from mimbench.api.run import Run

__all__ = ["Figures"]


class Figures:
    """Figures of one run."""

    def __init__(self, run: "Run") -> None:
        """Take the run."""
        self._run = run

    def degradation(
        self,
        ax: Any = None,
        *,
        rows: Sequence[str] = (),
        corruption: str = "",
        role: str = "",
        relation: str = "",
        protocol: str = "both",
    ) -> Any:
        """Draw AUROC over severity, with 95 % intervals as bands.

        Args:
            ax: matplotlib axes to draw on; by default the current ones.
            rows: names of scores; by default the highest headline score of each detector.
            corruption: name of one; by default the mean of all, or the only one.
            role: of the other images; by default the group that sorts the leaderboard.
            relation: "same-source" or "other-source".
            protocol: "both" sides corrupted, or "target-only".

        Returns:
            The axes.

        Raises:
            UnknownNameError: the run has no such row, group or corruption.
        """
        board, group = self._run.board(), self._run.group(role, relation)
        styles = row_styles(board, list(self._run.folder.detectors))
        first = board.first_rows
        names = list(rows) or [entry.row for entry in board.entries if entry.row in first]
        for name in names:
            if name not in styles:
                raise UnknownNameError("row", name, styles)
        curves = degradation_curves(self._run.metrics(), group, protocol, names)
        there = list(dict.fromkeys(curves["corruption"]))
        wanted = corruption or next(iter(there), ALL_CORRUPTIONS)
        if wanted not in there:
            raise UnknownNameError("corruption of the run", wanted, there)
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.gca()
        draw_panel(ax, curves[curves["corruption"] == wanted], {n: styles[n] for n in names})
        low, high = ax.dataLim.intervaly
        ax.set_ylim(max(0.0, min(LOWEST, low - 0.02)), max(1.01, high))  # as on the page
        ax.set(xlabel="severity", ylabel=f"AUROC, {group.label}")
        ax.legend(frameon=False, fontsize="small")
        return ax
