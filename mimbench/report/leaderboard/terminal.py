"""The leaderboard on a terminal, as wide as that is and at most 100 columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mimbench.claims import verdicts_of
from mimbench.report.added_detectors import NOTHING, added_lines
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
from mimbench.report.leaderboard.failures import told_together
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import Estimate, rounded
from mimbench.report.leaderboard.notes import sample_note
from mimbench.report.page.sections.known import curve_findings, left_out_findings
from mimbench.statistics.core.cautions import MARK, legend

__all__ = ["PrintedBoard", "leaderboard_table", "printed_board"]

MARKS = {"above": " ", "control": " ", "not compared": "?", "uncertain": "~", "not above": "!"}
STYLES = {"above": "", "control": "dim", "not compared": "", "uncertain": "", "not above": "yellow"}
WIDTH = 100
_Place = Group | Column | RowColumn  # a group of images, whose AUROC it is, or a further column
LONGEST_NAME = 24  # on one line
MOST_ON_ONE_LINE = 3  # groups; with more, intervals go below their AUROCs


@dataclass(frozen=True)
class PrintedBoard:
    """All that is printed of a leaderboard, as JSON can hold it.

    Attributes:
        columns: (heading, name in one line) of each column, most wanted first.
        rows: (name, kind, style) of each row.
        cells: (text, style) of each row and column.
        failures: (row, why in a few words).
        added: (which, how it compares) of each detector that the user added, if with anything.
    """

    title: str
    warnings: Sequence[str]
    columns: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]
    cells: Sequence[Sequence[Sequence[str]]]
    failures: Sequence[Sequence[str]]
    notes: Sequence[str]
    added: Sequence[Sequence[str]]


def printed_board(report: Report) -> PrintedBoard:
    """Headline rows with the clean AUROC of each group, then what to know about the numbers."""
    board = report.board
    columns: list[_Place] = [*_groups(board), *_details(board), *_of_rows()]
    shown = [entry for entry in board.entries if entry.headline]
    return PrintedBoard(
        title=f"Leaderboard of {report.run.name}",
        warnings=board.warnings,
        columns=[(_heading(column, board), _title(column)) for column in columns],
        rows=[(own.row, _kind(own), "dim" if own.control else "") for own in shown],
        cells=[[_cell(column, entry, board) for column in columns] for entry in shown],
        failures=[(own.row, own.words.partition(":")[0]) for own in told_together(board.failures)],
        notes=_notes(report),
        added=[
            (line.about, line.words)
            for line in added_lines(report.run, board, verdicts_of(report.run))
            if not line.words.startswith(NOTHING)
        ],
    )


def leaderboard_table(board: PrintedBoard) -> RenderableType:
    """The board as rich prints it.

    On a terminal that is too narrow, the last columns are left out, and a note names them.
    """
    return _Fitted(board)


class _Fitted:
    """The leaderboard, with as many columns as the terminal has room for."""

    def __init__(self, board: PrintedBoard) -> None:
        self.board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        board = self.board
        room = min(WIDTH, options.max_width)
        free = options.update(max_width=10 * WIDTH)
        kept, broken = next(
            (count, names)
            for count in range(len(board.columns), 0, -1)
            for names in (False, True)
            if count == 1
            or Measurement.get(console, free, _table(board, count, broken=names)).maximum <= room
        )
        left_out = [name.replace("\n", "") for _, name in board.columns[kept:]]
        for line in board.warnings:
            yield Text(f"Warning: {line}", style="yellow")
        yield _table(board, kept, room, broken=broken)
        if left_out:
            yield Text(
                f"Left out, as this terminal has {options.max_width} columns: "
                f"{'; '.join(left_out)}. The page has all."
            )
        cells = [text for row in board.cells for text, _ in row[:kept]]
        marked = any(MARK in text for text in cells)
        yield from (Text(note) for note in board.notes if marked or not note.startswith(MARK))
        for about, words in board.added:
            yield Text.assemble((f"{about}.", "bold"), f" {words}")


def _table(board: PrintedBoard, kept: int, width: int | None = None, *, broken: bool) -> Table:
    """The table with the first columns; `broken`: names of rows take a line for each part."""
    table = Table(
        title=board.title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        width=width,
    )
    table.add_column("score", overflow="fold")
    table.add_column("", no_wrap=True)
    for heading, _ in board.columns[:kept]:
        table.add_column(heading, justify="right", no_wrap=True)
    for (name, kind, style), cells in zip(board.rows, board.cells, strict=True):
        texts = [Text(text, style=own) for text, own in cells[:kept]]
        table.add_row(Text(_name(name, broken)), Text(kind), *texts, style=style)
    for row, reason in board.failures:
        table.add_row(Text(row), Text(""), Text(reason, style="red"))
    return table


def _heading(column: _Place, board: Leaderboard) -> str:
    heading = _title(column)
    if isinstance(column, Group):
        heading = heading.replace(", ", "\n") + (" ▼" if column == board.primary else "")
    return heading


def _title(column: _Place) -> str:
    return column.label if isinstance(column, Group) else column.terminal


def _name(row: str, broken: bool) -> str:
    whole = len(row) <= LONGEST_NAME and not broken
    return row if whole else row.replace("/", "/\n")


def _cell(column: _Place, entry: Entry, board: Leaderboard) -> tuple[str, str]:
    """An AUROC with mark and interval, or what another column says; and its style."""
    if isinstance(column, RowColumn):
        return column.text(entry, board), ""
    if isinstance(column, Column):
        return _short(column, entry, board.primary), ""
    estimate = AUROC.of(entry, column)
    if not isinstance(estimate, Estimate) or not estimate.exists:
        return "n/a", ""
    standing = entry.standing(column)
    between = " " if len(board.groups) <= MOST_ON_ONE_LINE else "\n"
    text = f"{rounded(estimate.value)}{MARKS[standing]}{between}{estimate.interval}"
    return text, STYLES[standing]


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
    notes += [f"{failure.row} {failure.words}" for failure in told_together(board.failures)]
    notes += curve_findings(report.results.known_curve, board)
    notes += left_out_findings(report.results.left_out, board)
    external = report.results.external
    notes += external_notes(external) if external is not None else []
    return [*notes, sample_note(board), *cautions(report.run, board, ("AUROC",))]
