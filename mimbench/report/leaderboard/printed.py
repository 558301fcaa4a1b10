"""The leaderboard on a terminal, as wide as that is and at most 100 columns.

Nothing here needs the report that the board was made from, nor what takes long to import.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mimbench.statistics.core.cautions import MARK

__all__ = ["PrintedBoard", "leaderboard_table"]

WIDTH = 100
LONGEST_NAME = 24  # on one line


@dataclass(frozen=True)
class PrintedBoard:
    """All that is printed of a leaderboard, as JSON can hold it.

    Attributes:
        columns: (heading, name in one line) of each column, most wanted first.
        rows: (name, kind, style) of each row.
        cells: (text, style) of each row and column.
        failures: (row, why in a few words).
        added: (which, how it compares) of each detector that the user added, if with anything.
        checks: (name, "caution" or "fail", what was found) of each check that did not pass.
    """

    title: str
    warnings: Sequence[str]
    columns: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]
    cells: Sequence[Sequence[Sequence[str]]]
    failures: Sequence[Sequence[str]]
    notes: Sequence[str]
    added: Sequence[Sequence[str]]
    checks: Sequence[Sequence[str]] = ()


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
        told = [text for row in board.cells for text, _ in row[:kept]]
        marked = any(MARK in text for text in (*told, *(words for _, words in board.added)))
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


def _name(row: str, broken: bool) -> str:
    whole = len(row) <= LONGEST_NAME and not broken
    return row if whole else row.replace("/", "/\n")
