"""A column is one object: in every form of the leaderboard that it has a heading for."""

from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console
from synthetic_run import write_synthetic_run

from mimbench.report import Report, write_report
from mimbench.report.leaderboard import columns, formats, printed, publication, terminal
from mimbench.report.leaderboard.columns import Column, Measure, RowColumn, column_of
from mimbench.report.page.sections import leaderboard as section
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.definitions import metric
from mimbench.statistics.tables.metrics import metrics_table

PRECISION = Column(
    name="precision_out",
    measure=Measure("aupr_out", kind="average precision"),
    terminal="AP",
    meaning="AP (average precision, OOD positive)",
    markdown="average precision",
    latex="AP",
    page="AP",
    explanation="Average precision, other images positive",
)
HEADED = column_of(replace(metric("aupr_in"), column="AP, target"))
SIZE = RowColumn(
    name="pixels",
    value=lambda entry, _: f"{entry.detector.input_size} px",
    terminal="size",
    markdown="sees",
    latex="sees",
    page="sees",
)


@pytest.fixture(scope="module")
def extended(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report whose leaderboard has two columns more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "COLUMNS", (*columns.COLUMNS, PRECISION, HEADED))
        for module in (formats, publication, terminal, section):
            patch.setattr(module, "COLUMNS", columns.COLUMNS)
            patch.setattr(module, "ROW_COLUMNS", (*columns.ROW_COLUMNS, SIZE))
        scores = tables.scores[tables.scores["corruption"] == "clean"]
        folder = tmp_path_factory.mktemp("extended") / "run"
        report = write_report(
            write_synthetic_run(folder, RunTables(scores, tables.fits, tables.images))
        )
        patch.setattr(printed, "WIDTH", 140)
        for name, width in {"terminal": 140, "60": 60, "80": 80}.items():
            with (folder / f"{name}.txt").open("w") as file:
                Console(file=file, width=width).print(
                    printed.leaderboard_table(terminal.printed_board(report))
                )
    return report


@pytest.mark.slow
def test_a_column_is_in_every_form_with_its_estimate(extended: Report) -> None:
    board, folder = extended.board, extended.folder
    entry = next(entry for entry in board.entries if entry.headline)
    estimate = entry.cell(board.primary, "precision_out")
    assert estimate is not None
    metrics = metrics_table(extended.run.tables)
    same = metrics[
        (metrics["row"] == entry.row)
        & (metrics["metric"] == "aupr_out")
        & (metrics["role"] == board.primary.role)
        & (metrics["relation"] == board.primary.relation)
        & (metrics["category"] == "")
    ]
    assert estimate.value == same["value"].iloc[0]
    name = f"{board.primary.slug}:precision_out"
    frame = pd.read_csv(folder / "leaderboard.csv")
    assert frame.loc[frame["row"] == entry.row, name].iloc[0] == pytest.approx(estimate.value)
    assert {f"{name}_low", f"{name}_high", f"{name}_caution"} <= {*frame.columns}
    assert f"average precision ({board.primary.label})" in (folder / "leaderboard.md").read_text()
    assert estimate.text() in (folder / "leaderboard.md").read_text()
    tex = (folder / "leaderboard.tex").read_text()
    assert " & AP & " in tex
    assert f"AP and AP, target: {board.primary.label}." in tex
    page = extended.page.read_text()
    assert 'title="Average precision, other images positive">AP' in page
    assert f'data-part="detail-more" data-v="{estimate.value:.5f}"' in page
    shown = (folder / "terminal.txt").read_text()
    assert "AP (average precision, OOD positive)" in " ".join(shown.split())


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_names_the_columns_that_it_has_no_room_for(
    extended: Report, width: int
) -> None:
    text = (extended.folder / f"{width}.txt").read_text()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    heading, _, notes = text.partition("mim/residual")
    left_out = " ".join(notes.split()).partition("Left out")[2].partition("The page has all")[0]
    for group in extended.board.groups:
        assert (group.label in left_out) != (group.label.split(", ")[0] in heading)


def test_a_metric_with_a_heading_has_its_column(extended: Report) -> None:
    board, folder = extended.board, extended.folder
    entry = next(entry for entry in board.entries if entry.headline)
    estimate = entry.cell(board.primary, "aupr_in")
    assert estimate is not None
    assert f"AP, target ({board.primary.label})" in (folder / "leaderboard.md").read_text()
    # its words stand in two lines, so that the table is narrow
    tex = (folder / "leaderboard.tex").read_text()
    assert r" & \shortstack[r]{AP \\ target} & " in tex
    page = extended.page.read_text()
    assert ('title="Average precision, target positive, clean images">AP, target') in page
    assert f'data-v="{estimate.value:.5f}"' in page


def test_a_column_of_rows_is_in_every_form(extended: Report) -> None:
    folder = extended.folder
    size = f"{extended.board.entries[0].detector.input_size} px"
    assert "pixels" in (folder / "leaderboard.csv").read_text().splitlines()[0]
    for name in ("leaderboard.md", "leaderboard.tex", "terminal.txt", "index.html"):
        assert size in (folder / name).read_text(), name


def test_a_column_without_any_number_is_left_out_where_people_read(extended: Report) -> None:
    """The run has no corruptions, so no drop."""
    assert ">drop<" not in extended.page.read_text()
    assert " drop " not in (extended.folder / "leaderboard.md").read_text().splitlines()[2]


def test_every_measure_is_a_metric_of_the_table_and_names_are_distinct(tables: RunTables) -> None:
    known = set(metrics_table(tables, resamples=0)["metric"])
    assert {measure.metric for _, measure in columns.measures()} <= known
    names = [column.name for column in (*columns.COLUMNS, *columns.ROW_COLUMNS)]
    assert len(names) == len(set(names))
