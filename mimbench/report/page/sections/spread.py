"""Spread from fit to fit: the clean AUROC of every one."""

from collections.abc import Mapping, Sequence
from typing import Any

from mimbench.report.figures.samples import FitSample, fit_auroc
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS", "spread"]


def _data(page: Page) -> dict[str, Any] | None:
    lines = spread(page.results.samples, page.board)
    return {"spread": lines} if lines else None


def spread(samples: Mapping[str, Sequence[FitSample]], board: Leaderboard) -> list[dict[str, Any]]:
    """AUROC of every fit by row and group; empty if no row has more than one fit."""
    lines = []
    for entry in board.entries:
        of_row = samples.get(entry.row, ())
        places = []
        for group in board.groups:
            values = [v for sample in of_row if (v := fit_auroc(sample, group)) is not None]
            words = f"{rounded(min(values))} to {rounded(max(values))}" if values else ""
            places.append({"aurocs": values, "words": words})
        if len({(sample.fold, sample.seed) for sample in of_row}) > 1:
            lines.append({"row": entry.row, "places": places})
    return lines


SECTIONS = (
    Section(
        id="spread",
        title="Spread from fit to fit",
        nav="Spread",
        order=100,
        data=_data,
        template="spread.html.j2",
    ),
)
