"""The leaderboard on the page."""

from dataclasses import dataclass
from typing import Any

from mimbench.report.leaderboard.columns import AUROC, COLUMNS, ROW_COLUMNS, Column, with_values
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.notes import CONVENTIONS, sample_note
from mimbench.report.page.payload import METRICS
from mimbench.report.page.sections.section import Page, Section
from mimbench.statistics.core.cautions import legend

__all__ = ["SECTIONS", "Mark", "marks_of", "spare_controls"]


@dataclass(frozen=True)
class Mark:
    """A sign beside an AUROC.

    Attributes:
        name: its class in the page's style.
        sign: what is printed.
        meaning: in the legend.
    """

    name: str
    sign: str
    meaning: str


HIGHEST = Mark("highest", "best", "the highest detector, where no control of its size is as high")
TIED = Mark("highest", "≈ best", "not significantly worse than it on the same images")
STANDINGS = {
    "not above": Mark("poor", "!", "not above the best control of its input size"),
    "uncertain": Mark("open", "~", "not clearly above it"),
    "not compared": Mark("open", "?", "no control of its input size to compare it with"),
}


def _data(page: Page) -> dict[str, Any]:
    board = page.board
    return {
        "auroc": AUROC,
        "details": _details(board),
        "of_rows": [column for column in ROW_COLUMNS if column.page],
        "families": sorted({entry.detector.family for entry in board.entries}),
        "marks_of": lambda entry, group: marks_of(board, entry, group),
        "marks_shown": _marks_shown(board),
        "conventions": CONVENTIONS,
        "legend": _legend(page),
        "sample_note": sample_note(board),
    }


def marks_of(board: Leaderboard, entry: Entry, group: Group) -> tuple[Mark, ...]:
    """What is to be known of an AUROC: how it stands against controls, and against the best row.

    Where a control is as high as the highest detector no row is marked as the best.
    """
    standing = entry.standing(group)
    marks = [STANDINGS[standing]] if standing in STANDINGS else []
    first = board.best.get(group)
    if first is not None and board.entry(first[0]).standing(group) != "not above":
        if first[0] == entry.row:
            marks.append(HIGHEST)
        elif standing != "not above" and entry.as_good_as_best(group):
            marks.append(TIED)
    return tuple(marks)


def _marks_shown(board: Leaderboard) -> list[Mark]:
    found = {
        mark
        for entry in board.entries
        for group in board.groups
        for mark in marks_of(board, entry, group)
    }
    return [mark for mark in (HIGHEST, TIED, *STANDINGS.values()) if mark in found]


def spare_controls(board: Leaderboard) -> frozenset[str]:
    """Controls that are the highest of no column: the page shows them when it is asked to."""
    kept = {row for row, _ in board.best_control.values()}
    controls = [entry.row for entry in board.entries if entry.control]
    return frozenset(controls) - kept if kept else frozenset()


def _details(board: Leaderboard) -> list[Column]:
    """Columns of the primary group, those that the page hides at first behind the others."""
    headed = [column for column in COLUMNS if column.page and column is not AUROC]
    found = with_values(headed, board.entries, board.primary)
    return sorted(found, key=lambda column: column.more)


def _legend(page: Page) -> str:
    """What the mark means, wherever it stands on the page."""
    results, metrics = page.results, page.results.metrics
    printed = (metrics["category"] == "") & metrics["metric"].isin(list(METRICS))
    tables = [metrics[printed], results.class_signal, results.robustness]
    tables += [results.known_curve, results.left_out[results.left_out["category"] == ""]]
    tables.append(results.skin_tone)
    tables += [page.run.extras[name] for name in ("subgroups",) if name in page.run.extras]
    texts = [
        str(text)
        for table in tables
        for name in ("caution", "seen_caution", "change_caution")
        if name in table
        for text in table[name].unique()
    ]
    lines = [*page.added, *(page.answer.lines if page.answer is not None else ())]
    texts += [caution for line in lines for caution in line.cautions]
    return legend([*texts, *(verdict.caution for verdict in page.verdicts)])


SECTIONS = (
    Section(
        id="leaderboard",
        title="Leaderboard",
        nav="Leaderboard",
        order=20,
        open=True,
        data=_data,
        template="leaderboard.html.j2",
    ),
)
