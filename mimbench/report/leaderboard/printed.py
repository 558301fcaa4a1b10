"""The leaderboard on a terminal, as wide as that is and at most 100 columns.

Nothing here needs the report that the board was made from, nor what takes long to import.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mimbench.statistics.core.cautions import MARK, UNKNOWN
from mimbench.text import counted

__all__ = [
    "CONTROL",
    "KINDS",
    "PrintedBoard",
    "leaderboard_table",
    "of_claims",
    "without_spare_controls",
]

WIDTH = 100
LONGEST_NAME = 24  # on one line
CONTROL = "c"
KINDS = {  # by the letter beside a row
    "e": "e: made elsewhere.",
    "o": "o: asks whether an image is of any known category, not of the target alone.",
}


@dataclass(frozen=True)
class PrintedBoard:
    """All that is printed of a leaderboard, as JSON can hold it.

    Attributes:
        columns: (heading, name in one line) of each column, most wanted first.
        rows: (name, kind, style) of each row.
        cells: (text, style) of each row and column.
        controls: those that each row is compared with.
        failures: (row, why in a few words, why in a sentence).
        notes: how to read the numbers, and what else to know of them.
        also_checked: notes that verdicts and checks tell in fewer words.
        added: (which, how it compares) of each detector that the user added, if with anything.
        checks: (name, "caution" or "fail", what was found) of each check that did not pass.
    """

    title: str
    warnings: Sequence[str]
    columns: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]
    cells: Sequence[Sequence[Sequence[str]]]
    controls: Sequence[Sequence[str]]
    failures: Sequence[Sequence[str]]
    notes: Sequence[str]
    also_checked: Sequence[str]
    added: Sequence[Sequence[str]]
    checks: Sequence[Sequence[str]] = ()


def of_claims(board: PrintedBoard, claimed: Set[str]) -> PrintedBoard:
    """The board for a reader of verdicts: the detectors of the claims and the controls to beat.

    All scores of a detector are shown, since a claim may hold for one of them alone. What verdicts
    and checks tell as well is left out.

    Args:
        board: all of it.
        claimed: rows that the claims name.
    """
    owners = {row.partition("/")[0] for row in claimed}
    beside = {row for row, kind, _ in board.rows if kind != "o"}
    shown = {row for row in beside if row.partition("/")[0] in owners}
    shown |= {*claimed, *_to_beat(board, claimed)}
    kept = [k for k, (row, *_) in enumerate(board.rows) if row in shown]
    if not kept:
        return board
    failed = [own for own in board.failures if own[1] != "not run" or _asks_for(claimed, own[0])]
    left_out = (
        "Headline rows of the detectors that the claims name, and the best controls of their input "
        "size; all others are on the page."
    )
    return replace(_with_rows(board, kept, left_out), failures=failed, also_checked=())


def without_spare_controls(board: PrintedBoard) -> PrintedBoard:
    """The board without the controls that are the best one for no row; the page has them too."""
    others = [row for row, kind, _ in board.rows if kind != CONTROL]
    beaten = _to_beat(board, others)
    kept = [k for k, (row, kind, _) in enumerate(board.rows) if kind != CONTROL or row in beaten]
    spare = len(board.rows) - len(kept)
    if not others or not spare:
        return board
    left_out = f"The page also has {counted(spare, 'control')} with which no row is compared."
    return _with_rows(board, kept, left_out)


def _to_beat(board: PrintedBoard, rows: Collection[str]) -> set[str]:
    """The best controls for some rows."""
    pairs = zip(board.rows, board.controls, strict=True)
    return {control for (row, *_), controls in pairs if row in rows for control in controls}


def _with_rows(board: PrintedBoard, kept: Sequence[int], left_out: str) -> PrintedBoard:
    """The board with the rows at some places, and a note on the others."""
    return replace(
        board,
        rows=[board.rows[k] for k in kept],
        cells=[board.cells[k] for k in kept],
        controls=[board.controls[k] for k in kept],
        notes=[left_out, *board.notes],
    )


def _asks_for(claimed: Set[str], told: str) -> bool:
    """Whether a claim names one of the rows that are told together, by names or as a number."""
    detector, counted, _ = told.partition(" (")
    if counted or "/" not in told:  # of all its scores, or of a detector that has none
        return detector in {row.partition("/")[0] for row in claimed}
    return not claimed.isdisjoint(told.split(", "))


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
        told += [words for _, words in board.added]
        idle = {mark for mark in (MARK, UNKNOWN) if not any(mark in text for text in told)}
        there = {kind for _, kind, _ in board.rows}
        unused = {words for kind, words in KINDS.items() if kind not in there}
        notes = [note for note in board.notes if note not in unused and note[:1] not in idle]
        notes += [words for _, _, words in board.failures]
        yield from map(Text, (*notes, *board.also_checked))
        for about, words in board.added:
            yield Text.assemble((f"{about}.", "bold"), f" {words}")


def _table(board: PrintedBoard, kept: int, width: int | None = None, *, broken: bool) -> Table:
    """The table with the first columns; `broken`: names of rows take a line for each part."""
    table = Table(
        title=Text(board.title, style="table.title"),
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
    for row, reason, _ in board.failures:
        name = row if len(row) <= LONGEST_NAME else row.replace(", ", ",\n").replace(" (", "\n(")
        table.add_row(Text(name), Text(""), Text(reason, style="red"))
    return table


def _name(row: str, broken: bool) -> str:
    whole = len(row) <= LONGEST_NAME and not broken
    return row if whole else row.replace("/", "/\n")
