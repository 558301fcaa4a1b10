"""The leaderboard on a terminal, within 100 columns."""

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench.report.build import Report
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.page.sections.external import external_notes
from mimbench.report.page.sections.known import curve_findings, left_out_findings
from mimbench.report.page.words import cautions, sample_note
from mimbench.statistics.core.cautions import legend

__all__ = ["leaderboard_table"]

MARKS = {"above": " ", "control": " ", "not compared": "?", "uncertain": "~", "not above": "!"}
STYLES = {"above": "", "control": "dim", "not compared": "", "uncertain": "", "not above": "yellow"}
MEASURES = {"fpr95_target": "FPR\n@95", "drop": "drop"}
MEANINGS = {
    "fpr95_target": "FPR@95 (target positive, clean)",
    "drop": "drop (both sides corrupted)",
}
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
    for measure in _measures(board):
        table.add_column(MEASURES[measure], justify="right", no_wrap=True)
    for entry in board.entries:
        if entry.headline:
            table.add_row(*_cells(entry, board), style="dim" if entry.control else "")
    for failure in board.failures:
        table.add_row(
            Text(failure.row), Text(""), Text(failure.words.partition(":")[0], style="red")
        )
    warnings = (Text(f"Warning: {line}", style="yellow") for line in board.warnings)
    return Lines(*warnings, table, *(Text(line) for line in _notes(report)))


def _cells(entry: Entry, board: Leaderboard) -> list[Text]:
    name = entry.row if len(entry.row) <= LONGEST_NAME else entry.row.replace("/", "/\n")
    cells = [Text(name), Text(_kind(entry))]
    between = " " if len(board.groups) <= MOST_ON_ONE_LINE else "\n"
    for group in _groups(board):
        estimate = entry.cell(group, "auroc")
        if estimate is None or not estimate.exists:
            cells.append(Text("n/a"))
            continue
        standing = entry.standing(group)
        mark = MARKS[standing]
        text = f"{rounded(estimate.value)}{mark}{between}{estimate.interval}"
        cells.append(Text(text, style=STYLES[standing]))
    for measure in _measures(board):
        estimate = entry.cell(board.primary, measure)
        cells.append(Text(rounded(estimate.value) if estimate and estimate.exists else ""))
    return cells


def _groups(board: Leaderboard) -> list[Group]:
    """The one that sorts first, as on the page."""
    first = [board.primary] if board.primary is not None else []
    return [*first, *(group for group in board.groups if group != board.primary)]


def _measures(board: Leaderboard) -> list[str]:
    """Those that a row has a number of; a run without corruptions has no drop."""
    return [
        measure
        for measure in MEASURES
        if any(
            estimate is not None and estimate.exists
            for entry in board.entries
            if entry.headline
            for estimate in [entry.cell(board.primary, measure)]
        )
    ]


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
    explained = [MEANINGS[measure] for measure in _measures(board)]
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
