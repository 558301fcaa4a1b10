"""What a terminal says of a report's leaderboard: columns, cells and notes."""

from collections.abc import Sequence

from mimbench.claims import verdicts_of
from mimbench.report.added_detectors import NOTHING, added_lines
from mimbench.report.answer import Line
from mimbench.report.build import Report
from mimbench.report.cautions import cautions, single_split_note, told_by_checks
from mimbench.report.checks import checks
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
from mimbench.report.leaderboard.notes import (
    corruption_note,
    few_trainings_note,
    tested_note,
)
from mimbench.report.leaderboard.printed import CONTROL, KINDS, PrintedBoard
from mimbench.report.page.sections.known import curve_findings, left_out_findings
from mimbench.report.subject import subject_of
from mimbench.statistics.core.cautions import legends

__all__ = ["printed_board"]

MARKS = {"above": " ", "control": " ", "not compared": "?", "uncertain": "~", "not above": "!"}
STYLES = {"above": "", "control": "dim", "not compared": "", "uncertain": "", "not above": "yellow"}
_Place = Group | Column | RowColumn  # a group of images, whose AUROC it is, or a further column
MOST_ON_ONE_LINE = 3  # groups; with more, intervals go below their AUROCs


def printed_board(report: Report) -> PrintedBoard:
    """Headline rows with the clean AUROC of each group, then what to know about the numbers."""
    board, verdicts = report.board, verdicts_of(report.run)
    columns: list[_Place] = [*board.groups, *_details(board), *_of_rows()]
    shown = [entry for entry in board.entries if entry.headline]
    lines = added_lines(report.run, board, verdicts)
    return PrintedBoard(
        title=f"Leaderboard of {report.run.name}",
        warnings=board.warnings,
        columns=[(_heading(column, board), _title(column)) for column in columns],
        rows=[(own.row, _kind(own), "dim" if own.control else "") for own in shown],
        cells=[[_cell(column, entry, board) for column in columns] for entry in shown],
        controls=[_best_controls(entry, board) for entry in shown],
        failures=[
            (own.row, own.words.partition(":")[0], f"{own.row} {own.words}")
            for own in told_together(board.failures)
        ],
        notes=_notes(report, lines),
        also_checked=_also_checked(report),
        added=[(line.about, line.words) for line in lines if not line.words.startswith(NOTHING)],
        checks=[
            (check.name, check.state, check.words)
            for check in checks(report.run, report.results, subject_of(report.run, board, verdicts))
            if check.state != "pass"
        ],
    )


def _heading(column: _Place, board: Leaderboard) -> str:
    heading = _title(column)
    if isinstance(column, Group):
        heading = heading.replace(", ", "\n") + (" ▼" if column == board.primary else "")
    return heading


def _title(column: _Place) -> str:
    return column.label if isinstance(column, Group) else column.terminal


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


def _details(board: Leaderboard) -> list[Column]:
    """Columns of the primary group; a run without corruptions has no drop."""
    headed = [column for column in COLUMNS if column.terminal and column is not AUROC]
    headline = [entry for entry in board.entries if entry.headline]
    return with_values(headed, headline, board.primary)


def _of_rows() -> list[RowColumn]:
    return [column for column in ROW_COLUMNS if column.terminal]


def _not_compared(entry: Entry, board: Leaderboard) -> bool:
    return entry.headline and any(entry.standing(g) == "not compared" for g in board.groups)


def _best_controls(entry: Entry, board: Leaderboard) -> list[str]:
    """The controls that a row is compared with, of all groups."""
    there = (entry.best_control[group] for group in board.groups if group in entry.best_control)
    return list(dict.fromkeys(name for name, *_ in there))


def _kind(entry: Entry) -> str:
    if entry.control:
        return CONTROL
    return "e" if entry.detector.elsewhere else "o" if entry.open_set else ""


def _notes(report: Report, added: Sequence[Line]) -> list[str]:
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
        notes.append(KINDS["e"])
    if any(entry.open_set and entry.headline for entry in board.entries):
        notes.append(KINDS["o"])
    shown = [entry.cell(group, "auroc") for entry in board.entries for group in board.groups
             if entry.headline]  # fmt: skip
    causes = [estimate.caution for estimate in shown if estimate is not None]
    notes += legends([*causes, *(caution for line in added for caution in line.cautions)])
    notes += curve_findings(report.results.known_curve, board)
    notes += left_out_findings(report.results.left_out, board)
    external = report.results.external
    notes += external_notes(external) if external is not None else []
    told = cautions(report.run, board, ("AUROC",))
    checked = _also_checked(report)
    return [*notes, *(caution for caution in told if caution not in checked)]


def _also_checked(report: Report) -> list[str]:
    """What verdicts and checks say in fewer words."""
    run, board = report.run, report.board
    tested = tested_note(board)
    tested += corruption_note(board) if tested else ""
    notes = [tested, single_split_note(run, board), few_trainings_note(board)]
    return [*filter(None, notes), *told_by_checks(run)]
