"""The leaderboard on a terminal, within 100 columns."""

from collections.abc import Sequence

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench.report.build import Report
from mimbench.report.cautions import cautions
from mimbench.report.external import external_notes
from mimbench.report.leaderboard.columns import (
    AUROC,
    COLUMNS,
    ROW_COLUMNS,
    Column,
    RowColumn,
    with_values,
)
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import Estimate, rounded
from mimbench.report.leaderboard.notes import sample_note
from mimbench.report.page.sections.known import curve_findings, left_out_findings
from mimbench.statistics.core.cautions import legend

__all__ = ["leaderboard_table"]

MARKS = {"above": " ", "control": " ", "not compared": "?", "uncertain": "~", "not above": "!"}
STYLES = {"above": "", "control": "dim", "not compared": "", "uncertain": "", "not above": "yellow"}
WIDTH = 100
LONGEST_NAME = 24  # on one line
MOST_ON_ONE_LINE = 3  # groups; with more, intervals go below their AUROCs


def leaderboard_table(report: Report) -> RenderableType:
    """Headline rows with the clean AUROC of each group, then what to know about the numbers."""
    board = report.board
    table = Table(
        title=f"Leaderboard of {report.run.name}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        width=WIDTH,
    )
    table.add_column("score", overflow="fold")
    table.add_column("", no_wrap=True)
    for group in _groups(board):
        label = group.label.replace(", ", "\n") + (" ▼" if group == board.primary else "")
        table.add_column(label, justify="right", no_wrap=True)
    details = _details(board)
    for column in (*details, *_of_rows()):
        table.add_column(column.terminal, justify="right", no_wrap=True)
    for entry in board.entries:
        if entry.headline:
            table.add_row(*_cells(entry, board, details), style="dim" if entry.control else "")
    for failure in board.failures:
        table.add_row(
            Text(failure.row), Text(""), Text(failure.words.partition(":")[0], style="red")
        )
    warnings = (Text(f"Warning: {line}", style="yellow") for line in board.warnings)
    return Lines(*warnings, table, *(Text(line) for line in _notes(report)))


def _cells(entry: Entry, board: Leaderboard, details: Sequence[Column]) -> list[Text]:
    name = entry.row if len(entry.row) <= LONGEST_NAME else entry.row.replace("/", "/\n")
    cells = [Text(name), Text(_kind(entry))]
    between = " " if len(board.groups) <= MOST_ON_ONE_LINE else "\n"
    for group in _groups(board):
        estimate = AUROC.of(entry, group)
        if not isinstance(estimate, Estimate) or not estimate.exists:
            cells.append(Text("n/a"))
            continue
        standing = entry.standing(group)
        mark = MARKS[standing]
        text = f"{rounded(estimate.value)}{mark}{between}{estimate.interval}"
        cells.append(Text(text, style=STYLES[standing]))
    cells += [Text(_short(column, entry, board.primary)) for column in details]
    return [*cells, *(Text(column.text(entry, board)) for column in _of_rows())]


def _short(column: Column, entry: Entry, group: Group | None) -> str:
    """A value without its interval; nothing where there is none."""
    value = column.of(entry, group)
    if isinstance(value, Estimate):
        return rounded(value.value) if value.exists else ""
    return column.text(entry, group)


def _groups(board: Leaderboard) -> list[Group]:
    """The one that sorts first, as on the page."""
    first = [board.primary] if board.primary is not None else []
    return [*first, *(group for group in board.groups if group != board.primary)]


def _details(board: Leaderboard) -> list[Column]:
    """Columns of the primary group; a run without corruptions has no drop."""
    headed = [column for column in COLUMNS if column.terminal and column is not AUROC]
    headline = [entry for entry in board.entries if entry.headline]
    return with_values(headed, headline, board.primary)


def _of_rows() -> list[RowColumn]:
    return [column for column in ROW_COLUMNS if column.terminal]


def _not_compared(entry: Entry, board: Leaderboard) -> bool:
    return entry.headline and any(entry.standing(g) == "not compared" for g in board.groups)


def _kind(entry: Entry) -> str:
    if entry.control:
        return "c"
    return "e" if entry.detector.elsewhere else "o" if entry.open_set else ""


def _notes(report: Report) -> list[str]:
    board = report.board
    notes = ["Clean AUROC [95 % interval], higher is better."]
    if board.best_control:
        notes.append(
            "c control; ! not above the best control of its input size, ~ not clearly above."
        )
    if any(_not_compared(entry, board) for entry in board.entries):
        notes.append("? not compared with a control of its input size.")
    explained = [column.meaning for column in _details(board) if column.meaning]
    if board.primary is not None and explained:
        verb = "is" if len(explained) == 1 else "are"
        notes.append(f"▼ sorts; {' and '.join(explained)} {verb} of {board.primary.label}.")
    if any(entry.detector.elsewhere for entry in board.entries):
        notes.append("e: made elsewhere.")
    if any(entry.open_set and entry.headline for entry in board.entries):
        notes.append("o: asks whether an image is of any known category, not of the target alone.")
    shown = [entry.cell(group, "auroc") for entry in board.entries for group in board.groups
             if entry.headline]  # fmt: skip
    marked = legend(estimate.caution for estimate in shown if estimate is not None)
    notes += [marked] * bool(marked)
    notes += [f"{failure.row} {failure.words}" for failure in board.failures]
    notes += curve_findings(report.results.known_curve, board)
    notes += left_out_findings(report.results.left_out, board)
    external = report.results.external
    notes += external_notes(external) if external is not None else []
    return [*notes, sample_note(board), *cautions(report.run, board, ("AUROC",))]
