"""The external test in a report: its own target side, sorted, with its numbers of patients."""

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from synthetic_run import CATEGORIES, Category, synthetic_tables, write_synthetic_run

from mimbench.report import Report, write_report
from mimbench.report.external import external_lines, external_table
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.printed import leaderboard_table
from mimbench.report.leaderboard.terminal import printed_board
from mimbench.scores.tables import UNLABELLED, RunTables
from mimbench.statistics.tables.external import external_test

AT_HOME = CATEGORIES[:4]
SITE = (
    Category("mpox", "external", "clinic-b", 30, 2, 0.3),
    Category("orf", "external", "clinic-b", 20, 1, 1.5),
    Category("scabies", "external", "clinic-b", 16, 2, 1.0),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    tables = synthetic_tables((*AT_HOME, *SITE), conditions=(("motion_blur", 3),))
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run"), tables))


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Report:
    loose = Category(UNLABELLED, "external", "clinic-b", 12, 1, 0.3)
    tables = synthetic_tables((*AT_HOME, loose), conditions=())
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run"), tables))


def printed(what: object) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(what)
    return console.file.getvalue()  # type: ignore[attr-defined]


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_leaderboard_compares_external_images_among_themselves(report: Report) -> None:
    group = Group("external", "same-source")
    estimate = report.board.entry("mim/residual").cells[group]["auroc"]
    assert (estimate.n_target, estimate.n_target_patients) == (30, 15)
    assert (estimate.n_other, estimate.n_other_patients) == (36, 28)
    assert report.results.external is not None
    own = report.results.external.auroc.set_index("row").loc["mim/residual"]
    assert own["auroc"] == estimate.value
    assert (own["low"], own["high"]) == (estimate.low, estimate.high)
    assert report.board.entry("mim/residual").cells[report.board.primary]["auroc"].n_target == 90


def test_the_table_is_sorted_marks_controls_and_says_n_and_that_half_is_no_drift(
    report: Report,
) -> None:
    test = report.results.external
    assert test is not None
    lines = external_lines(test)
    values = test.auroc.set_index("row")["auroc"]
    order = [values[line.row] for line in lines if line.auroc != "n/a"]
    assert order == sorted(order, reverse=True)
    assert len(order) > 3
    assert lines[-1].row == "broken", "what failed comes last"
    assert {line.row for line in lines if line.control} == {"harmonic", "histogram"}
    text = printed(external_table(test, "synthetic"))
    assert re.search(r"harmonic +c ", text)
    assert re.search(r"n 30 / 15 +n 36 / 28 +0\.5: none", text)
    sentence = one_line(text)
    assert "30 images of mpox (15 patients) against 36 images of 2 other categories" in sentence
    assert "orf 20, scabies 16 (28 patients)" in sentence


def test_run_prints_which_patients_stand_on_which_side(report: Report) -> None:
    text = one_line(printed(leaderboard_table(printed_board(report))))
    assert "30 images of mpox (15 patients) against 36 images" in text
    assert "Target: 90 test images of 45 patients" in text


def test_page_and_files_have_the_external_test(report: Report) -> None:
    page = report.page.read_text()
    section = page[page.index('id="external_auroc"') :]
    section = section[: section.index("</section>")]
    assert "mim/residual" in section
    assert "30 images of mpox (15 patients)" in section
    assert "harmonic (control)" in section
    test = report.results.external
    assert test is not None
    for name, table in test.tables.items():
        assert len(pd.read_csv(report.folder / f"external_{name}.csv")) == len(table)
    threshold = page[page.index('id="operating"') :]
    assert "specificity, external" not in threshold[: threshold.index("</section>")]


def test_what_is_not_available_is_named_once_with_the_reason_of_rows_that_have_scores(
    report: Report,
) -> None:
    tables = report.run.tables
    splits = {name: tables.images[name] for name in tables.images if name.startswith("split_")}
    few = {name: column.replace("validation", "train") for name, column in splits.items()}
    few["split_0"] = splits["split_0"]  # 15 target patients
    test = external_test(RunTables(tables.scores, tables.fits, tables.images.assign(**few)))
    assert test is not None
    text = one_line(printed(external_table(test, "synthetic")))
    assert re.search(
        r"Not available: sensitivity, specificity, verdicts \(\d+ target patients", text
    )
    assert "Loss became NaN" not in text, "why one row failed is not why the others have no number"


def test_unlabelled_images_are_counted_as_called_target_or_not(unlabelled: Report) -> None:
    test = unlabelled.results.external
    assert test is not None
    line = next(line for line in external_lines(test) if line.row == "mim/residual")
    own = test.verdicts[test.verdicts["row"] == "mim/residual"]
    assert line.accepted == f"{(own['accepted'] > 0.5).sum()} of 12"
    assert (line.auroc, line.sensitivity, line.specificity) == ("n/a", "n/a", "n/a")
    text = printed(external_table(test, "synthetic"))
    assert "12 images of no category" in text
    assert "AUROC ▼" not in text
    assert not [group for group in unlabelled.board.groups if group.external]


def test_a_run_without_external_images_has_no_such_section(report: Report, tmp_path: Path) -> None:
    tables = synthetic_tables(AT_HOME, conditions=())
    folder = write_synthetic_run(tmp_path, tables)
    (folder / "external_auroc.csv").write_text("of an older run")
    again = write_report(folder)
    assert again.results.external is None
    assert 'id="external_auroc"' not in again.page.read_text()
    assert not list(folder.glob("external_*.csv"))
