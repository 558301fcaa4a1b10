"""The line in a residual rests on few held-out patients, and its number says so."""

import json

import numpy as np
import pandas as pd
import pytest

from mimbench.scores.reading import read_tables
from mimbench.scores.tables import FIT_COLUMNS, RunTables
from mimbench.statistics.ranking.roc import auroc
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.lines import Lines, jackknife_slopes, slope_differences
from mimbench.statistics.run.uncertainty import paired_difference
from mimbench.statistics.tables.class_signal import class_signal_table

LINES = {"mim/residual": "mim/untrained"}
ACNE = Quantity("mim/residual", relation="same-source")
HELD_OUT = 9  # patients of the target and of the swap category, two images each


def made(
    draw: int, *, lines: dict[str, str] | None = None, seeds: int = 3, more: int = 0
) -> RunTables:
    """A run whose error knows no class; what its fits differ in is the line of the residual.

    Args:
        draw: of the scores.
        lines: what the fits table says of lines; by default the truth.
        seeds: trainings, which are all the same.
        more: further held-out patients of the swap category, whom no line was fitted on.
    """
    rng = np.random.default_rng(draw)
    counts = {"mpox": 20, "measles": 20, "acne": 60}
    held_out = {"mpox": HELD_OUT, "measles": HELD_OUT + more}
    records = [
        {
            "category": category, "role": role, "patient": f"{category}{number // 2}",
            "split_0": part, "dataset": "", "path": "", "source": "clinic",
        }
        for category, role in (("mpox", "target"), ("measles", "known"), ("acne", "unknown"))
        for part, count in (("validation", held_out.get(category, 0)), ("test", counts[category]))
        for number in range(2 * count)
    ]  # fmt: skip
    images = pd.DataFrame(records)
    images["image_id"] = images.index.astype(str)
    images["patient"] += images["split_0"]
    category, part = images["category"].to_numpy(), images["split_0"].to_numpy()
    untrained = rng.normal(size=len(images)) + 0.8 * (category == "acne")
    error = untrained + 0.5 * rng.normal(size=len(images))
    fits, scores = [], []
    for fitted_on in ("mpox", "measles"):
        seen = np.flatnonzero((category == fitted_on) & (part == "validation"))[: 2 * HELD_OUT]
        slope, intercept = np.polyfit(untrained[seen], error[seen], 1)
        for seed in range(seeds):
            fit = f"{fitted_on}-{seed}"
            fits.append({"fit_id": fit, "fitted_on": fitted_on, "seed": seed})
            for row, values in (
                ("mim/untrained", untrained),
                ("mim/residual", error - intercept - slope * untrained),
            ):
                own = images[["image_id"]].assign(fit_id=fit, score=row, value=values)
                scores.append(own)
    table = pd.DataFrame(fits).assign(
        detector="mim", fold=0, control=False, family="", input_size=64, status="ok", reason="",
        recipe_hash="", state_hash="", seconds=0.0, versions="", withheld="", study="",
        lines=json.dumps(LINES if lines is None else lines),
    )  # fmt: skip
    long = pd.concat(scores).assign(corruption="clean", severity=0)
    return RunTables(long, table.astype(FIT_COLUMNS), images)


def signal(tables: RunTables) -> pd.Series:
    table = class_signal_table(tables).set_index(["row", "role"])
    return table.loc[("mim/residual", "unknown")]


def test_folds_that_share_no_image_have_no_difference_of_slopes():
    nothing = np.empty((5, 0))
    assert slope_differences(nothing, nothing).tolist() == [0.0] * 5  # pytest fails on a warning
    x = np.asarray([[0.0, 1.0], [0.0, 1.0]])
    assert slope_differences(x, x * [[1.0], [3.0]]) == pytest.approx([-1.0, 1.0])


def test_slopes_without_each_patient_are_those_of_a_new_fit():
    rng = np.random.default_rng(0)
    x, y, codes = rng.normal(size=12), rng.normal(size=12), np.repeat(np.arange(5), [1, 2, 3, 3, 3])
    slopes = jackknife_slopes(x, y, codes)
    assert slopes[0] == pytest.approx(np.polyfit(x, y, 1)[0])
    for group in range(5):
        left = codes != group
        assert slopes[1 + group] == pytest.approx(np.polyfit(x[left], y[left], 1)[0])
    assert np.isnan(jackknife_slopes(np.ones(4), np.arange(4.0), np.arange(4))).all()


def test_the_variance_is_that_of_a_jackknife_of_the_held_out_patients():
    tables = made(1)
    own = RunAurocs(tables).influence(ACNE)
    wide = tables.scores[tables.scores["fit_id"] == "mpox-0"].pivot_table(
        index="image_id", columns="score", values="value"
    ).loc[tables.images["image_id"]]  # fmt: skip
    x, y = wide["mim/untrained"].to_numpy(), wide["mim/residual"].to_numpy()
    part, category = tables.images["split_0"], tables.images["category"]
    held_out = ((part == "validation") & (category == "mpox")).to_numpy()
    sides = [((part == "test") & (category == name)).to_numpy() for name in ("mpox", "acne")]
    areas = []
    for patient in tables.images.loc[held_out, "patient"].unique():
        left = held_out & (tables.images["patient"] != patient).to_numpy()
        again = y - np.polyval(np.polyfit(x[left], y[left], 1), x)
        areas.append(auroc(*(again[side] for side in sides)).value)
    expected = (HELD_OUT - 1) ** 2 / HELD_OUT * np.var(areas, ddof=1)
    assert own.line_variance[0] == pytest.approx(expected, rel=0.2)
    assert own.variance[0] > own.line_variance[0]


@pytest.mark.slow
def test_a_signal_that_the_line_alone_makes_is_none():
    # of lines through nine patients; patients and seeds alone call two of three draws a signal
    false, without = 0, 0
    for draw in range(40):
        false += signal(made(draw))["p"] < 0.05
        without += signal(made(draw, lines={}))["p"] < 0.05
    assert without > 16
    assert false <= 5
    line = signal(made(1))
    assert line["null_limit"] > abs(line["value"])  # a refit on other patients does as much
    assert np.isnan(signal(made(1, lines={"mim/residual": ""}))["null_limit"])


def test_further_seeds_do_not_make_the_line_surer():
    one, three = (RunAurocs(made(1, seeds=seeds)).influence(ACNE) for seeds in (1, 3))
    assert three.line_variance == pytest.approx(one.line_variance)


def test_folds_whose_lines_rest_on_the_same_patients_share_what_these_do():
    tables = made(1, seeds=1)
    images = tables.images.assign(split_1=tables.images["split_0"])
    again = tables.fits.assign(fold=1, fit_id="again-" + tables.fits["fit_id"])
    fits = pd.concat([tables.fits, again], ignore_index=True).astype(FIT_COLUMNS)
    scores = tables.scores.assign(fit_id="again-" + tables.scores["fit_id"])
    twice = RunTables(pd.concat([tables.scores, scores]), fits, images)
    one, two = (RunAurocs(own).influence(ACNE) for own in (tables, twice))
    assert two.line_variance == pytest.approx(one.line_variance)


def test_a_swap_fit_is_taken_to_have_used_as_many_images_as_the_target_has():
    tables = made(1, more=HELD_OUT)
    swapped = (tables.fits["fitted_on"] == "measles").to_numpy()
    own = RunAurocs(tables, fits=swapped).influence(ACNE)
    x = tables.scores[(tables.scores["fit_id"] == "measles-0")].pivot_table(
        index="image_id", columns="score", values="value"
    )
    held_out = tables.images[
        (tables.images["split_0"] == "validation") & (tables.images["category"] == "measles")
    ]
    codes = pd.factorize(held_out["patient"])[0]
    slopes = jackknife_slopes(*x.loc[held_out["image_id"]].to_numpy()[:, ::-1].T, codes)
    count = 2 * HELD_OUT
    of_all = (count - 1) / count * ((slopes[1:] - slopes[0]) ** 2).sum()
    layout = Layout(tables, fits=swapped)
    row = next(row for row in layout.rows if row.score == "mim/residual")
    other = Lines(layout, row, layout.values(row))
    assert other.error[0] ** 2 == pytest.approx(2 * of_all)  # half of them were used
    assert own.line_variance[0] > 0


@pytest.mark.parametrize("what", ["not kept", "too few"])
def test_where_the_line_cannot_be_fitted_again_nothing_is_concluded(what, tmp_path):
    if what == "not kept":
        tables = made(1, lines={"mim/residual": ""})
    else:
        tables = made(1)
        own = tables.images["split_0"].eq("validation")
        images = tables.images.assign(patient=tables.images["patient"].where(~own, "one"))
        tables = RunTables(tables.scores, tables.fits, images)
    aurocs = RunAurocs(tables)
    number = aurocs.measured(ACNE)
    assert not number.known[0]
    difference = paired_difference(number, aurocs.measured(ACNE))[0]
    assert np.isnan(difference.p)
    assert "its line" in difference.caution
    assert not np.isnan(number.area_interval()[0][0])
    reference = aurocs.measured(Quantity("mim/untrained", relation="same-source"))
    assert reference.known[0]


def test_tables_from_before_lines_were_noted_do_not_know_what_that_of_a_residual_does(tmp_path):
    tables = made(1)
    fits = tables.fits.drop(columns="lines")
    old = RunTables(tables.scores, fits, tables.images)
    assert RunAurocs(old).measured(ACNE).known[0]  # this version would have said so
    old.write(tmp_path)
    _mark(tmp_path / "fits.parquet", version=2)
    aurocs = RunAurocs(read_tables(tmp_path))
    assert not aurocs.measured(ACNE).known[0]
    assert aurocs.measured(Quantity("mim/untrained", relation="same-source")).known[0]


def _mark(path, version):
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    note = b'{"schema_version": %d}' % version
    pq.write_table(table.replace_schema_metadata({b"mimbench": note}), path)
