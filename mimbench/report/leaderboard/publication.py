"""A table for a publication: chosen rows and columns, the best row of each AUROC and its ties."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from mimbench.errors import UnknownNameError
from mimbench.report.leaderboard.columns import (
    AUROC,
    COLUMNS,
    ROW_COLUMNS,
    Column,
    RowColumn,
    with_values,
)
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.failures import rows_together, told_together
from mimbench.report.leaderboard.groups import Group, primary_group
from mimbench.report.leaderboard.notes import CONVENTION_OF, corruption_note, tested_note
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.leaderboard.ties import (
    TIED,
    UNCLEAR,
    UNCLEAR_IF,
    Ranking,
    ranking,
    ranking_notes,
)
from mimbench.statistics.core.cautions import legend

__all__ = [
    "Cell",
    "Choice",
    "Publication",
    "board_table",
    "chosen",
    "not_compared_note",
    "ranked_entries",
    "row_name",
    "unclear_note",
]

AnyColumn = Column | RowColumn
Place = tuple[AnyColumn, Group | None]


@dataclass(frozen=True)
class Choice:
    """What a table shows.

    Attributes:
        rows: names of rows, in this order; empty: the headline rows in the leaderboard's order.
        columns: names of `COLUMNS` and `ROW_COLUMNS`; empty: those with a heading for LaTeX.
        role, relation: of the categories; empty: every one that the run has.
        question: "detection" or "open-set".
    """

    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    role: str = ""
    relation: str = ""
    question: str = "detection"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        value: its text.
        mark: "best", "tied" or nothing, see `Ranking`.
        control: whether it is the name of a control.
        unclear: whether it is an AUROC that is not clearly above the best control.
    """

    value: str
    mark: str = ""
    control: bool = False
    unclear: bool = False

    @property
    def text(self) -> str:
        """The text, with the marks of a tie and of a row that a control may explain."""
        return self.value + TIED * (self.mark == "tied") + UNCLEAR * self.unclear


@dataclass(frozen=True)
class Publication:
    """A table with its caption and footnotes, to be written as LaTeX, Markdown or HTML.

    Attributes:
        label: of the run and what was chosen, for references.
        numbers: the same as a frame of numbers, for CSV.
    """

    caption: str
    label: str
    header: tuple[str, ...]
    body: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]
    numbers: pd.DataFrame


def chosen(board: Leaderboard, choice: Choice) -> Leaderboard:
    """The leaderboard with the rows and groups of a choice alone.

    Raises:
        UnknownNameError: the run has no such row or group.
    """
    rows = {entry.row: entry for entry in board.entries}
    failed = {failure.row for failure in board.failures}
    for row in choice.rows:
        if row not in rows and row not in failed:
            raise UnknownNameError("row", row, {*rows, *failed})
    names = choice.rows or [entry.row for entry in board.entries if entry.headline]
    entries = tuple(rows[row] for row in names if row in rows)
    groups = board.open_groups if choice.question == "open-set" else board.groups
    fitting = tuple(
        group
        for group in groups
        if choice.role in ("", group.role) and choice.relation in ("", group.relation)
    )
    if not fitting:
        wanted = f"{choice.role or 'any role'} / {choice.relation or 'any relation'}"
        known = [f"{group.role} / {group.relation}" for group in groups]
        raise UnknownNameError(f"group of images ({choice.question})", wanted, known)
    failures = tuple(f for f in board.failures if not choice.rows or f.row in choice.rows)
    few = tuple(row for row in board.few_trainings if row in {entry.row for entry in entries})
    return replace(
        board,
        entries=entries,
        failures=failures,
        groups=fitting,
        open_groups=(),
        primary=primary_group(fitting),
        few_trainings=few,
    )


def board_table(
    board: Leaderboard,
    choice: Choice,
    differences: PairedDifferences,
    title: str,
    about: Sequence[str] = (),
) -> Publication:
    """Rows of the leaderboard: the AUROC of every group, further columns of the primary one.

    Args:
        board: of the run.
        choice: what to show.
        differences: of the run, on the same images.
        title: what the caption begins with, e.g. the run's name.
        about: further notes, on the run.

    Raises:
        UnknownNameError: the run has no such row, column or group.
    """
    whole, board = board, chosen(board, choice)
    columns = _columns(board, choice.columns)
    places = list(_places(columns, board))
    ranked = ranked_entries(whole, board)
    rankings = {group: _ranking(ranked, group, differences, choice) for group in board.groups}
    body, records = [], []
    for entry in board.entries:
        cells = [Cell(row_name(entry), control=entry.control)]
        record: dict[str, object] = {"row": entry.row}
        for column, group in places:
            mark, unclear = "", False
            if column is AUROC and group is not None:
                mark = rankings[group].mark(entry.row)
                unclear = entry.standing(group) in UNCLEAR_IF
                record[f"{group.slug}:{column.name}_mark"] = mark
                if choice.question == "detection":
                    record[f"{group.slug}:against_controls"] = entry.standing(group)
            cells.append(Cell(_text(column, group, entry, board), mark, unclear=unclear))
            record |= _numbers(column, group, entry, board)
        body.append(tuple(cells))
        records.append(record)
    alone = (
        entry.row
        for entry in board.entries
        for group in board.groups
        if entry.standing(group) == "not compared"
        and (own := entry.cell(group, AUROC.name)) is not None
        and own.exists
    )
    asked = "" if choice.question == "detection" else choice.question
    return Publication(
        caption=f"{title}: {_subject(board)}",
        label=" ".join([title, choice.role, choice.relation, asked]),
        header=("score", *(_heading(column, group) for column, group in places)),
        body=tuple(body),
        notes=(
            *about,
            *unclear_note(body),
            *not_compared_note(alone),
            *_notes(board, places, rankings, choice),
        ),
        numbers=pd.DataFrame(records),
    )


def row_name(entry: Entry) -> str:
    """The name of a row, with the question that it asks where that is not the target's."""
    return f"{entry.row} (open-set)" if entry.open_set else entry.row


def ranked_entries(whole: Leaderboard, shown: Leaderboard) -> tuple[Entry, ...]:
    """The rows among which the best one is found: all headlines and controls, and those shown.

    What a table does not show counts all the same, so that no row is the best by choice.
    """
    names = {entry.row for entry in shown.entries}
    return tuple(
        entry for entry in whole.entries if entry.control or entry.headline or entry.row in names
    )


def _ranking(
    entries: Sequence[Entry], group: Group, differences: PairedDifferences, choice: Choice
) -> Ranking:
    values = {
        entry.row: estimate.value
        for entry in entries
        if (estimate := entry.cell(group, AUROC.name)) is not None
    }
    return ranking(
        {entry.row: entry.detector.input_size for entry in entries if not entry.control},
        {entry.row: entry.detector.input_size for entry in entries if entry.control},
        values,
        partial(differences.between, group=group, question=choice.question),
    )


def _columns(board: Leaderboard, names: Sequence[str]) -> list[AnyColumn]:
    """Columns by name; by default those of leaderboard.tex that have a value."""
    every: dict[str, AnyColumn] = {own.name: own for own in COLUMNS}
    every |= {own.name: own for own in ROW_COLUMNS}
    if not names:
        headed = [own for own in COLUMNS if own.latex]
        return [*with_values(headed, board.entries, board.primary),
                *(own for own in ROW_COLUMNS if own.latex)]  # fmt: skip
    for name in names:
        if name not in every:
            raise UnknownNameError("column", name, every)
    return [every[name] for name in names]


def _places(columns: Iterable[AnyColumn], board: Leaderboard) -> Iterator[Place]:
    """Each column with its group: the AUROC has a column for each, the others for one."""
    for column in columns:
        groups = board.groups if column is AUROC else (board.primary,)
        yield from ((column, group) for group in groups)


def _heading(column: AnyColumn, group: Group | None) -> str:
    words = column.latex or column.markdown or column.page or column.name
    return f"{words}, {group.label}" if column is AUROC and group is not None else words


def _text(column: AnyColumn, group: Group | None, entry: Entry, board: Leaderboard) -> str:
    if isinstance(column, RowColumn):
        return column.text(entry, board)
    return column.text(entry, group)


def _numbers(
    column: AnyColumn, group: Group | None, entry: Entry, board: Leaderboard
) -> dict[str, object]:
    """The same cell as leaderboard.csv has it."""
    if isinstance(column, RowColumn):
        return {column.name: column.value(entry, board)}
    return {} if group is None else column.csv(entry, group)


def _subject(board: Leaderboard) -> str:
    """What the numbers are, in a sentence."""
    if len(board.groups) == 1:
        return f"clean AUROC with 95 % intervals, against {board.groups[0].label} categories."
    return "clean AUROC with 95 % intervals, by role and source of the other images."


def _notes(
    board: Leaderboard,
    places: Sequence[Place],
    rankings: Mapping[Group, Ranking],
    choice: Choice,
) -> Iterator[str]:
    """Footnotes on what is in the table: marks, images, intervals, conventions, what failed."""
    columns = list(dict.fromkeys(column for column, _ in places))
    shown = {entry.row for entry in board.entries}
    yield from ranking_notes(((group.label, own) for group, own in rankings.items()), shown)
    if any(entry.control for entry in board.entries):
        yield f"Controls in italics. {CONVENTION_OF['controls']}"
    if any(entry.open_set for entry in board.entries):
        yield CONVENTION_OF["open-set"]
    if caution := legend(_cautions(board, places)):
        yield caution
    corrupted = any(isinstance(own, Column) and own.of_corrupted for own in columns)
    if tested := tested_note(board):
        yield tested + corruption_note(board) * corrupted
    details = [own for own in columns if isinstance(own, Column) and own is not AUROC]
    if board.primary is not None and details:
        *others, last = (own.page or own.name for own in details)
        named = f"{', '.join(others)} and {last}" if others else last
        yield f"{named}: {board.primary.label}."
    if choice.question == "open-set":
        yield "Open-set question: target and known images together against the others."
    names = {own.name for own in columns}
    yield from (text for name, text in CONVENTION_OF.items() if name in names)
    yield CONVENTION_OF["mean"]
    yield from (
        f"{failure.row} {failure.words.rstrip('.')}." for failure in told_together(board.failures)
    )


def unclear_note(body: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """What the mark of a row that a control may explain means, where a cell of a table has it."""
    if any(cell.unclear for cells in body for cell in cells):
        yield (
            f"{UNCLEAR} Not clearly above the best control of its input size: the paired "
            "difference is not clear over patients and retraining (95 %), or could not be tested, "
            "as with fewer than three trainings."
        )


def not_compared_note(rows: Iterable[str]) -> Iterator[str]:
    """Which rows have no such mark because there is no control to compare them with."""
    if found := list(dict.fromkeys(rows)):
        yield f"Not compared with a control: {rows_together(found)}."


def _cautions(board: Leaderboard, places: Iterable[Place]) -> Iterator[str]:
    """Why to be careful with intervals of the table."""
    for column, group in places:
        if isinstance(column, Column):
            values = (column.of(entry, group) for entry in board.entries)
            yield from (getattr(value, "caution", "") for value in values)
