"""The leaderboard as CSV and Markdown; as LaTeX see `publication`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pandas as pd

from mimbench.report.leaderboard.columns import AUROC, COLUMNS, ROW_COLUMNS
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.failures import told_together
from mimbench.report.leaderboard.notes import CONVENTIONS, board_legend, sample_note
from mimbench.statistics.core.cautions import MARK
from mimbench.text import markdown_cell

__all__ = ["leaderboard_frame", "leaderboard_markdown"]


def leaderboard_frame(board: Leaderboard) -> pd.DataFrame:
    """One row per score, one column per group, measure and bound; failures at the end.

    Columns are named `<role>_<relation>:<column>`, with `_low` and `_high` for the interval and
    `_caution` for why it covers less than it says.
    """
    rows: list[dict[str, object]] = [_frame_row(entry, board) for entry in board.entries]
    rows += [{"row": failure.row, "status": failure.words} for failure in board.failures]
    return pd.DataFrame(rows)


def _frame_row(entry: Entry, board: Leaderboard) -> dict[str, object]:
    row: dict[str, object] = {
        column.name: column.value(entry, board) for column in ROW_COLUMNS if column.in_csv(board)
    }
    for group in (*board.groups, *board.open_groups):
        for column in COLUMNS:
            if column.open_set or group in board.groups:
                row |= column.csv(entry, group)
    return row


def leaderboard_markdown(board: Leaderboard, title: str, doubts: Sequence[str] = ()) -> str:
    """The leaderboard as a Markdown document: doubts about its files, table, failures, notes."""
    columns = list(_markdown_columns(board))
    kept = [
        (heading, cell) for heading, cell in columns if any(cell(entry) for entry in board.entries)
    ]
    header = ["score", *(heading for heading, _ in kept)]
    said = [*map(markdown_cell, doubts)]
    said += [f"**Warning about the images.** {markdown_cell(w)}" for w in board.warnings]
    lines = [
        f"# {markdown_cell(title)}",
        "",
        *(part for sentence in said for part in (sentence, "")),
    ]
    lines += [_line(header), _line(["---"] * len(header))]
    lines += [
        _line([_markdown_name(entry), *(cell(entry) for _, cell in kept)])
        for entry in board.entries
    ]
    for failure in told_together(board.failures):
        cells = [failure.row, failure.words]
        lines.append(_line(cells + [""] * (len(header) - len(cells))))
    marked = any(MARK in line for line in lines)
    notes = (board_legend(board) if marked else "", sample_note(board), *CONVENTIONS)
    lines += ["", *(f"- {sentence}" for sentence in notes if sentence)]
    return "\n".join(lines) + "\n"


def _markdown_columns(board: Leaderboard) -> Iterator[tuple[str, Callable[[Entry], str]]]:
    """Heading of each column, and the cell of an entry."""
    for group in board.groups:
        yield f"{AUROC.markdown} {group.label}", partial(AUROC.text, group=group)
    for column in COLUMNS:
        if column.markdown and column is not AUROC and board.primary is not None:
            heading = f"{column.markdown} ({board.primary.label})"
            yield heading, partial(column.text, group=board.primary)
    for group in board.open_groups:
        yield f"open-set {AUROC.markdown} {group.label}", partial(AUROC.text, group=group)
    for of_row in ROW_COLUMNS:
        if of_row.markdown:
            yield of_row.markdown, partial(of_row.text, board=board)


def _markdown_name(entry: Entry) -> str:
    name = f"{entry.row} (control)" if entry.control else entry.row
    name = f"{name} (open-set)" if entry.open_set else name
    name = f"{name} (made elsewhere)" if entry.detector.elsewhere else name
    return f"**{name}**" if entry.headline and not entry.control else name


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(markdown_cell(cell) for cell in cells) + " |"
