"""A run in a notebook gives the numbers of the report, paired comparisons and frames."""

import math
from io import StringIO
from pathlib import Path

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from synthetic_run import Category, Row, synthetic_tables, write_synthetic_run

import mimbench
from mimbench.api.columns import COLUMNS
from mimbench.errors import MimbenchError, UnknownNameError
from mimbench.report import cautions
from mimbench.report.leaderboard import columns as registry
from mimbench.scores.tables import RunTables

CATEGORIES = (
    Category("mpox", "target", "clinic-a", 60, 1, 0.0),
    Category("acne", "unknown", "clinic-a", 40, 1, 1.2),
    Category("warts", "unknown", "atlas", 40, 1, 0.8),
)
ROWS = (
    Row("mim/residual", "mim", "inpainting", False, 1.3, 0.05),
    Row("resnet18/posterior", "resnet18", "classifier", False, 1.2, 0.1),
    Row("mobilenet/posterior", "mobilenet", "classifier", False, 0.1, 0.1),
    Row("histogram", "histogram", "control", True, 0.3, 0.1),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = synthetic_tables(CATEGORIES, ROWS, (("brightness", 1), ("brightness", 3)), seeds=3)
    return write_synthetic_run(tmp_path_factory.mktemp("api") / "run", tables)


@pytest.fixture(scope="module")
def run(folder: Path) -> mimbench.Run:
    return mimbench.open_run(str(folder))


def test_an_auroc_is_the_one_of_the_leaderboard(run: mimbench.Run) -> None:
    board = run.leaderboard().loc["mim/residual"]
    estimate = run.auroc("mim/residual", role="unknown", relation="same-source")
    for end, name in ((estimate.value, ""), (estimate.low, "_low"), (estimate.high, "_high")):
        assert end == pytest.approx(board[f"unknown_same-source:auroc{name}"])
    noisy = run.auroc("mim/residual", corruption="*", relation="same-source")
    assert noisy.value == pytest.approx(board["unknown_same-source:auroc_corrupted"])
    assert noisy.value < estimate.value
    one = run.auroc("mim/residual", corruption="brightness", severity=3)
    assert one.value < noisy.value


def test_aurocs_are_of_the_scores_that_are_given_out(tmp_path: Path) -> None:
    made = synthetic_tables(CATEGORIES, ROWS, (("brightness", 1),), seeds=3)
    own = made.fits[made.fits["detector"] == "mim"]
    swapped = own.assign(fit_id=own["fit_id"] + "-swap", fitted_on="acne")
    theirs = made.scores[made.scores["fit_id"].isin(own["fit_id"])]
    theirs = theirs.assign(fit_id=theirs["fit_id"] + "-swap", value=-theirs["value"])
    tables = RunTables(
        pd.concat([made.scores, theirs]), pd.concat([made.fits, swapped]), made.images
    )
    run = mimbench.open_run(write_synthetic_run(tmp_path / "run", tables))
    lines = run.scores("mim/residual", corruption="clean")
    lines = lines[(lines["split"] == "test") & lines["category"].isin(["mpox", "acne"])]
    areas = [
        roc_auc_score(one["category"] == "acne", one["value"])
        for _, one in lines.groupby(["fold", "seed"])
    ]
    asked = run.auroc("mim/residual", role="unknown", relation="same-source")
    assert np.mean(areas) == pytest.approx(asked.value)


def test_a_comparison_is_paired_and_contains_retraining(run: mimbench.Run) -> None:
    gap = run.compare("mim/residual", "mobilenet/posterior")
    back = run.compare("mobilenet/posterior", "mim/residual")
    assert gap.low < gap.value < gap.high
    assert gap.value == pytest.approx(-back.value)
    assert gap.p < 0.05
    assert run.compare("mim/residual", "resnet18/posterior").p > 0.05


def test_frames_have_the_documented_columns(run: mimbench.Run) -> None:
    frames = {
        "categories": run.categories(),
        "degradation": run.degradation("mim/residual"),
        "scores": run.scores("mim/residual", corruption="clean"),
        "images": run.images(),
    }
    assert {*frames, "leaderboard"} == set(COLUMNS)
    columns = {own.name for own in (*registry.COLUMNS, *registry.ROW_COLUMNS)}
    assert columns - {"standing"} == set(COLUMNS["leaderboard"])  # those of leaderboard.csv
    for name, frame in frames.items():
        assert set(COLUMNS[name]) <= set(frame), name
        assert name == "images" or list(frame) == list(COLUMNS[name]), name
        assert len(frame), name
    assert frames["degradation"]["severity"].tolist() == [0, 1, 3]
    scores = frames["scores"]
    assert set(scores["split"]) == {"validation", "test"}
    assert (scores.loc[scores["role"] == "unknown", "split"] == "test").all()
    assert set(run.categories()["category"]) == {"acne", "warts"}


def test_claims_are_judged_without_touching_the_folder(run: mimbench.Run, folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    verdicts = run.verify("mim-paper")
    assert {"claim", "row", "verdict", "explanation"} <= set(verdicts)
    assert "mean-auroc" in set(verdicts["claim"])
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_degradation_curve_is_drawn_on_axes_of_ones_own(run: mimbench.Run) -> None:
    axes = matplotlib.figure.Figure().subplots()
    assert run.figures.degradation(ax=axes, rows=["mim/residual"]) is axes
    (curve,) = [line for line in axes.lines if len(line.get_xdata()) == 3]
    expected = run.degradation("mim/residual")["value"].tolist()
    assert list(curve.get_ydata()) == pytest.approx(expected)
    low, high = axes.get_ylim()
    assert low <= 0.4, "small differences do not fill the axes"
    assert high >= 1
    with pytest.raises(UnknownNameError, match="fog"):
        run.figures.degradation(ax=axes, corruption="fog")


def test_the_legend_names_each_curve_in_its_own_colour(run: mimbench.Run) -> None:
    axes = matplotlib.figure.Figure().subplots()
    rows = ["mim/residual", "histogram", "resnet18/posterior"]
    run.figures.degradation(ax=axes, rows=rows)
    legend = axes.get_legend()
    assert legend is not None
    curves = [line for line in axes.lines if len(line.get_xdata()) == 3]
    drawn = {line.get_label(): line.get_color() for line in curves}
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == rows
    for handle, text in zip(legend.get_lines(), texts, strict=True):
        assert handle.get_color() == drawn[text]


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({"corruption": "gauss"}, "corruption of the run 'gauss'"),
        ({"protocol": "target_only"}, "Did you mean target-only"),
        ({"role": "unknwn"}, "Did you mean unknown"),
        ({"relation": "same"}, "relation of images"),
    ],
)
def test_a_name_that_the_run_lacks_is_named(
    run: mimbench.Run, where: dict[str, str], named: str
) -> None:
    with pytest.raises(UnknownNameError, match=named):
        run.auroc("mim/residual", **where)
    if "corruption" in where:
        with pytest.raises(UnknownNameError, match=named):
            run.scores("mim/residual", corruption="gauss")
    else:
        with pytest.raises(UnknownNameError, match=named):
            run.degradation("mim/residual", **where)


def test_the_representation_is_the_leaderboard(run: mimbench.Run) -> None:
    assert "target mpox" in repr(run)
    shown = run._repr_html_()
    assert "140 images" in shown
    assert "<i>histogram</i>" in shown
    assert shown.count("<table>") == 1


def test_wrong_names_are_told_the_right_ones(run: mimbench.Run) -> None:
    for call, known in (
        (lambda: run.auroc("mim/residul"), "mim/residual"),
        (lambda: run.auroc("mim/residual", role="abnormal"), "Known: .*unknown"),
        (lambda: run.auroc("mim/residual", severty=3), "severity"),
        (lambda: run.scores("mim"), "mim/residual"),
        (lambda: run.table(columns=["aurocs"]), "auroc"),
        (lambda: run.table(form="latx"), "latex"),
        (lambda: run.table(where={"tone": "VI"}), "column of the images 'tone'"),
        (lambda: run.table(where={"patient": "nobody"}), "patient = nobody"),
    ):
        with pytest.raises(MimbenchError, match=known):
            call()


def test_a_table_marks_the_best_and_its_ties(run: mimbench.Run) -> None:
    latex = run.table(where={"relation": "same-source"}, form="latex")
    assert r"\toprule" in latex
    assert latex.count(r"\textbf{") == 1
    value = run.auroc("mim/residual", relation="same-source").value
    best = max("mim/residual", "resnet18/posterior", key=lambda row: run.auroc(row).value)
    (line,) = [line for line in latex.splitlines() if r"\textbf{" in line]
    assert line.startswith(best)
    other = ({"mim/residual", "resnet18/posterior"} - {best}).pop()
    (tied,) = [line for line in latex.splitlines() if line.startswith(other)]
    assert r"\textdaggerdbl{}" in tied
    (worse,) = [line for line in latex.splitlines() if line.startswith("mobilenet/posterior")]
    assert r"\textdaggerdbl{}" not in worse
    assert "other-source" not in latex
    assert "60 test images of 60 patients" in latex
    assert latex.count(r"\textdagger{}") != 1, "a mark has its legend, and a legend its mark"
    assert f"{value:.2f}" in latex


def test_a_table_says_which_of_its_rows_were_trained_for_fewer_steps(
    run: mimbench.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "Trained for fewer steps than today's recipe says: resnet18 3 of 100"
    monkeypatch.setattr(
        cautions, "shortened", lambda folder, only: [told] if "resnet18" in only else []
    )
    for by in ("", "category"):
        assert f"{told}." in run.table(form="md", by=by)
        assert told not in run.table(["mim/residual"], form="md", by=by)


def test_a_table_by_category_has_a_line_for_each(run: mimbench.Run) -> None:
    text = run.table(["mim/residual", "histogram"], by="category")
    assert "| acne | unknown, same source | 40 (40) |" in text
    numbers = run.table(["mim/residual"], by="category", form="csv").splitlines()
    assert len(numbers) == 1 + 2
    assert "mark" in numbers[0]


def test_every_form_says_where_a_row_is_not_clearly_above_a_control(run: mimbench.Run) -> None:
    rows = ["mim/residual", "mobilenet/posterior", "histogram"]
    text = run.table(rows, by="category")
    acne = next(line for line in text.splitlines() if line.startswith("| acne"))
    assert [cell.endswith("§") for cell in acne.split(" | ")[3:]] == [False, True, False]
    assert "- § Not clearly above the best control" in text
    assert "- Rows are compared on each category by itself, not adjusted" in text
    numbers = pd.read_csv(StringIO(run.table(rows, by="category", form="csv")))
    numbers = numbers[numbers["category"] == "acne"].set_index("row")
    assert numbers.loc["mim/residual", "against_controls"] == "above"
    assert numbers.loc["histogram", "against_controls"] == "control"
    assert numbers.loc["mobilenet/posterior", "against_controls"] in ("uncertain", "not above")
    whole = pd.read_csv(StringIO(run.table(rows, form="csv"))).set_index("row")
    name = "unknown_same-source:against_controls"
    assert whole[name].to_dict() == run.leaderboard().loc[rows, name].to_dict()


def test_a_subgroup_of_the_images_gives_its_own_numbers(run: mimbench.Run) -> None:
    text = run.table(where={"category": "acne"}, form="md")
    assert "category = acne" in text
    assert "other source" not in text.split("Bold")[0]


def test_rows_and_columns_come_in_the_order_asked_for(run: mimbench.Run) -> None:
    rows = ["resnet18/posterior", "mim/residual"]
    frame = pd.read_csv(pd.io.common.StringIO(run.table(rows, ["family", "auroc"], form="csv")))
    assert frame["row"].tolist() == rows
    assert list(frame)[1] == "family"
    own = run.auroc("mim/residual", relation="same-source").value
    assert math.isclose(frame["unknown_same-source:auroc"][1], own)
