"""An interval that covers too little is marked wherever it is printed, with a legend."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from synthetic_run import Category, Row, synthetic_tables, write_synthetic_run

from mimbench.claims import as_text, verify
from mimbench.claims.statement import Claim, ClaimsFile
from mimbench.gate import as_markdown, gate
from mimbench.gate import as_text as gate_text
from mimbench.progress import Silent
from mimbench.report.build import Report
from mimbench.report.figures.styles import row_styles
from mimbench.report.leaderboard.formats import (
    leaderboard_frame,
    leaderboard_markdown,
)
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.leaderboard.printed import leaderboard_table
from mimbench.report.leaderboard.publication import Choice, board_table
from mimbench.report.leaderboard.publication_formats import as_latex
from mimbench.report.leaderboard.terminal import printed_board
from mimbench.report.page.render import render_page
from mimbench.report.results import compute_results
from mimbench.runfolder.reading import read_run
from mimbench.statistics.core.cautions import MARK

FEW = (
    Category("mpox", "target", "clinic-a", 24, 1, 0.0),
    Category("acne", "unknown", "atlas", 120, 1, 2.4),  # AUROC near 1 on 24 patients
    Category("warts", "unknown", "clinic-a", 60, 1, 0.3),  # an ordinary one
)
ROWS = (Row("mim/residual", "mim", "inpainting", False, 1.0, 0.0),)
CONDITIONS = (("brightness", 1),)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    tables = synthetic_tables(FEW, ROWS, CONDITIONS, seeds=3)
    run = read_run(write_synthetic_run(tmp_path_factory.mktemp("few"), tables))
    return Report(run.path, run.path / "index.html", run, compute_results(run, Silent()))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_terminal_tables_and_page_mark_the_same_interval(report: Report) -> None:
    console = Console(width=100, record=True, file=StringIO())
    console.print(leaderboard_table(printed_board(report)))
    page = render_page(report.run, report.results, row_styles(report.board, ["mim"]), [])
    texts = {
        "terminal": console.export_text(),
        "markdown": leaderboard_markdown(report.board, "few"),
        "page": page,
    }
    entry = report.board.entry("mim/residual")
    marked = {group.relation: entry.cells[group]["auroc"].interval for group in report.board.groups}
    assert marked["other-source"].endswith(f"]{MARK}")
    assert marked["same-source"].endswith("]")
    for where, text in texts.items():
        assert marked["other-source"] in text, where
        assert f"{MARK} Read with caution: AUROC: few patients" in flat(text)
    differences = PairedDifferences(report.run.tables)
    latex = as_latex(board_table(report.board, Choice(), differences, "few"))
    assert rf"{marked['other-source'][:-1]}\textdagger{{}}" in latex
    frame = leaderboard_frame(report.board).set_index("row")
    assert "few patients" in frame.loc["mim/residual", "unknown_other-source:auroc_caution"]
    assert frame.loc["mim/residual", "unknown_same-source:auroc_caution"] == ""


def test_verdicts_mark_it(report: Report) -> None:
    claim = Claim(
        id="good", statement="It is good.", kind="at_least", rows=("mim/residual",), bound=0.6
    )
    claims = ClaimsFile(name="mine", claim=(claim,))
    verdicts = verify(report.run.tables, claims)
    assert sorted(bool(own.caution) for own in verdicts) == [False, True]
    assert sorted(own.number.endswith(f"]{MARK}") for own in verdicts) == [False, True]
    text = as_text(verdicts, claims, "mpox")
    assert text.count(f"]{MARK}, claimed") == 1
    assert f"{MARK} Read with caution" in text


def test_the_gate_marks_it(report: Report, tmp_path: Path) -> None:
    other = synthetic_tables(
        FEW, (Row("mim/residual", "mim", "inpainting", False, 1.1, 0.0),), CONDITIONS, seeds=3
    )
    result = gate(report.run.tables, other)  # the same state hashes: no retraining
    assert result.settings.relation == "same-source"
    assert MARK not in gate_text(result)
    asked = result.settings.model_copy(
        update={"relation": "other-source", "rows": ("mim/residual",)}
    )
    result = gate(report.run.tables, other, asked)
    for text in (gate_text(result), as_markdown(result)):
        assert f"]{MARK}" in text
        assert f"{MARK} Read with caution" in text


def test_the_mark_is_explained_where_it_is_shown(report: Report) -> None:
    board = printed_board(report)
    assert any(note.startswith(MARK) for note in board.notes)
    cells = [[[text.replace(MARK, ""), style] for text, style in row] for row in board.cells]
    cells[0][-1] = [f"0.9{MARK}", ""]
    for width, shown in ((100, True), (40, False)):
        console = Console(width=width, record=True, file=StringIO())
        console.print(leaderboard_table(replace(board, cells=cells)))
        printed = console.export_text()
        assert (f"0.9{MARK}" in printed) == shown
        assert ("Read with caution" in flat(printed)) == shown
