"""What the report says of classifiers that were trained with fewer known categories."""

from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import CATEGORIES, ROWS, synthetic_tables, write_synthetic_run
from withheld_fits import add_withheld

from mimbench.evaluation.planning.known_subsets import withheld_from
from mimbench.report import Report, write_report
from mimbench.scores.tables import RunTables


@pytest.fixture(scope="module")
def tables() -> RunTables:
    """A classifier loses without one of two known categories; one set serves both studies."""
    sets = withheld_from(["chickenpox", "measles"], (1,), 3, 2, 0)
    clean = synthetic_tables(CATEGORIES, ROWS, conditions=(), seeds=3)

    def loss(_: object, images: pd.DataFrame) -> "pd.Series[float]":
        return 0.8 * images["role"].isin(["known", "unknown"])

    return add_withheld(clean, "resnet18", sets, loss)


@pytest.fixture(scope="module")
def report(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run"), tables))


def section_of(report: Report, name: str) -> str:
    page = report.page.read_text(encoding="utf-8")
    start = page.index(f'<section id="{name}">')
    return page[start : page.index("</section>", start)]


def test_the_known_curve_is_a_figure_a_table_and_a_sentence(report: Report) -> None:
    curve = pd.read_csv(report.folder / "known_curve.csv").set_index(["row", "known"])
    few, every = (curve.loc[("resnet18/posterior", count)] for count in (1, 2))
    assert few["value"] < every["value"]
    entry, group = report.board.entry("mim/residual"), report.board.primary
    assert group is not None
    own = entry.cells[group]["auroc"].value
    assert curve.loc[("mim/residual", 0), "value"] == pytest.approx(own, abs=1e-12)
    section = section_of(report, "known_curve")
    assert "more categories help" in section
    assert "mim/residual, which sees no known category, reaches" in section
    assert "data:image/svg+xml" in section
    assert f"{few['value']:.2f} [" in section
    assert {path.name for path in (report.folder / "figures").glob("known_curve.*")} == {
        "known_curve.png",
        "known_curve.svg",
    }


def test_left_out_categories_stand_beside_the_same_ones_trained_on(report: Report) -> None:
    table = pd.read_csv(report.folder / "left_out.csv", keep_default_na=False)
    mean = table[(table["row"] == "resnet18/posterior") & (table["category"] == "")]
    section = section_of(report, "left_out")
    assert "it needs to have seen them" in section
    assert f"{float(mean['value'].iloc[0]):.2f} [" in section


def test_such_fits_change_no_other_number_and_without_them_there_is_no_section(
    report: Report, tables: RunTables, tmp_path: Path
) -> None:
    plain = tables.fits[tables.main_fits]
    scores = tables.scores[tables.scores["fit_id"].isin(plain["fit_id"])]
    without = RunTables(scores, plain, tables.images)
    made = write_report(write_synthetic_run(tmp_path / "run", without))
    assert 'id="known_curve"' not in made.page.read_text(encoding="utf-8")
    assert not (made.folder / "left_out.csv").exists()
    for name in ("leaderboard.csv", "metrics.parquet", "operating.csv", "calibration.csv"):
        assert (made.folder / name).read_bytes() == (report.folder / name).read_bytes()


def test_with_one_training_of_each_nothing_is_said_to_help(tmp_path: Path) -> None:
    sets = withheld_from(["chickenpox", "measles"], (1,), 3, 2, 0)
    clean = synthetic_tables(CATEGORIES, ROWS, conditions=())
    made = add_withheld(clean, "resnet18", sets, lambda _, images: 0.8 * (images["role"] != "x"))
    report = write_report(write_synthetic_run(tmp_path / "run", made))
    curve = pd.read_csv(report.folder / "known_curve.csv").set_index(["row", "known"])
    assert pd.isna(curve.loc[("resnet18/posterior", 1), "change_p"])
    for name in ("known_curve", "left_out"):
        section = section_of(report, name)
        assert "fewer than three trainings (seeds)" in section
        assert "more categories help" not in section
        assert "needs to have seen" not in section
