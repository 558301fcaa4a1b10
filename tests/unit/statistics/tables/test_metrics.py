"""The metrics table on scores small enough to count by hand."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from score_tables import clean_scores, fit_row, images_table, run_tables, score_rows

from mimbench.errors import TableError
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.fold_training import FoldTraining
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import Cells
from mimbench.statistics.tables import metrics, row_metrics
from mimbench.statistics.tables.metrics import METRIC_COLUMNS, metrics_table


def number(table, metric="auroc", **where):
    """The one row that fits, by default the clean detection AUROC."""
    where = {"question": "detection", "corruption": "clean", "severity": 0, "protocol": "both",
             "metric": metric, **where}  # fmt: skip
    found = table[np.logical_and.reduce([table[name] == value for name, value in where.items()])]
    assert len(found) == 1, (where, len(found))
    return found.iloc[0]


@pytest.fixture
def measured(two_folds):
    return metrics_table(run_tables(*two_folds), resamples=50)


def test_auroc_is_the_mean_over_folds_of_each_folds_test_images(measured):
    # fold 0: target 1, 3 against acne 2, 3: pairs 1 + 1 + 0 + 1/2 = 2.5 of 4
    # fold 1: target 2, 6 against acne 1, 8: pairs 0 + 1 + 0 + 1 = 2 of 4
    acne = number(measured, category="acne")
    assert acne.value == pytest.approx((2.5 / 4 + 2 / 4) / 2)
    assert acne.fold_sd == pytest.approx(np.std([2.5 / 4, 2 / 4], ddof=1))
    assert math.isnan(acne.seed_sd)
    assert (acne.n_target, acne.n_target_patients, acne.n_other, acne.n_fits) == (4, 3, 2, 2)
    # measles has one test image in each fold: 2 against 1, 3 and 2 against 2, 6
    assert number(measured, category="measles").value == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_categories_of_the_targets_source_have_a_mean_of_their_own(measured):
    means = measured[(measured.category == "") & (measured.metric == "auroc")]
    assert set(zip(means.role, means.relation, strict=True)) == {
        ("known", "same-source"), ("unknown", "same-source"), ("unknown", "other-source"),
        ("abnormal", "other-source"), ("ood", "same-source"), ("ood", "other-source"),
    }  # fmt: skip
    # acne 0.5625; rosacea: fold 0: 0 against 1, 3 = 0; fold 1: 7 against 2, 6 = 1
    far = number(measured, role="unknown", relation="other-source", category="")
    assert far.value == pytest.approx((0.5625 + 0.5) / 2)
    assert far.n_other == 3
    near = number(measured, role="unknown", relation="same-source", category="")
    assert near.value == number(measured, category="scabies").value == 1


def test_open_set_counts_known_images_as_in_distribution(measured):
    # fold 0: ID 1, 3, 2 against paper 5: 1; fold 1: ID 2, 6, 2 against paper 5: 2/3
    paper = number(measured, question="open-set", category="paper")
    assert paper.value == pytest.approx((1 + 2 / 3) / 2)
    assert paper.role == "ood"
    assert paper.n_target == 6
    assert not ((measured.question == "open-set") & (measured.category == "measles")).any()


def test_corrupting_the_target_alone_is_another_protocol(two_folds):
    fits, scores = two_folds
    for row in scores:  # now corruption lifts the other side, too
        if row["image_id"].startswith("a"):
            row["value"] += row["severity"]
    table = metrics_table(run_tables(fits, scores), resamples=0)
    where = {"category": "paper", "corruption": "blur", "severity": 3}
    # both: as clean, 1 and 1/2; target only: 4, 6 against 5 and 5, 9 against 5: 1/2 and 1/4
    assert number(table, **where).value == pytest.approx(0.75)
    alone = number(table, **where, protocol="target-only")
    assert alone.value == pytest.approx((0.5 + 0.25) / 2)
    drop = number(table, "auroc_drop", **where, protocol="target-only")
    assert drop.value == pytest.approx(0.75 - alone.value)
    assert drop.low <= drop.value <= drop.high
    assert set(table[table.corruption == "clean"].protocol) == {"both"}


def test_severities_average_within_and_then_over_corruptions(measured):
    where = {"category": "paper", "protocol": "both"}
    one, three, fog = (
        number(measured, corruption=c, severity=s, **where).value
        for c, s in (("blur", 1), ("blur", 3), ("fog", 2))
    )
    blur = number(measured, corruption="blur", severity=-1, **where)
    assert blur.value == pytest.approx((one + three) / 2)
    assert one != three
    overall = number(measured, corruption="*", severity=-1, **where)
    assert overall.value == pytest.approx((blur.value + fog) / 2)
    drop = number(measured, "auroc_drop", corruption="*", severity=-1, **where)
    assert drop.value == pytest.approx(number(measured, category="paper").value - overall.value)


def test_average_precision_and_fpr_follow_their_definitions(measured):
    # fold 0 acne: descending 3 (target), 3 (acne), 2 (acne), 1: precision 1/2 then 2/3
    # fold 1 acne: descending 8 (acne), 6, 2, 1 (acne): precision 1 then 1/2
    ap = number(measured, "aupr_out", category="acne")
    assert ap.value == pytest.approx(((1 / 2 + 2 / 3) / 2 + (1 + 1 / 2) / 2) / 2)
    # accepting all target images (threshold 3, then 6) lets in all acne, then one of two
    assert number(measured, "fpr95_target", category="acne").value == pytest.approx(0.75)
    # flagging all acne images flags target 3 of (1, 3), then both
    assert number(measured, "fpr95_ood", category="acne").value == pytest.approx(0.75)
    assert number(measured, "fpr95_ood", category="acne").reason.startswith(
        "2 target images in a fit"
    )
    assert ap.low <= ap.value <= ap.high


def test_a_fit_without_fold_is_tested_on_every_fold():
    fits = [fit_row("harmonic", "harmonic", None, None, fitted_on="nothing")]
    table = metrics_table(run_tables(fits, score_rows("harmonic", "harmonic", clean_scores(0))))
    # fold 0 as above 2.5 of 4; fold 1: target 0, 0 against acne 2, 3
    acne = number(table, category="acne")
    assert acne.value == pytest.approx((2.5 / 4 + 1) / 2)
    assert acne.n_fits == 1
    assert acne.n_target == 4


def test_seeds_are_averaged_within_folds_and_their_spread_is_shown(two_folds):
    fits, scores = two_folds
    perfect = {name: float(not name.startswith("t")) for name in clean_scores(0)}
    for fold in range(2):
        fits.append(fit_row(f"mim-{fold}-1", "mim", fold, 1))
        scores += score_rows(f"mim-{fold}-1", "mim/l1", perfect)
    acne = number(metrics_table(run_tables(fits, scores), resamples=0), category="acne")
    assert acne.value == pytest.approx((0.5625 + 1) / 2)
    assert acne.seed_sd == pytest.approx(np.std([0.5625, 1], ddof=1))
    assert acne.n_fits == 4


def test_a_failed_fit_shows_as_rows_with_its_reason(two_folds):
    fits, scores = two_folds
    half = [row for row in scores if row["fit_id"] == "mim-0"]
    fits[1] = fit_row("mim-1", "mim", 1, status="failed", reason="out of memory")
    fits.append(fit_row("vit-0", "vit", 0, status="failed", reason="no weights"))
    table = metrics_table(run_tables(fits, half), resamples=10)
    assert set(table.row) == {"mim/l1", "vit"}
    assert table.value.isna().all()
    assert table.low.isna().all()
    mim, vit = (number(table, category="acne", detector=name) for name in ("mim", "vit"))
    assert mim.reason == "the fit of fold 1, seed 0 failed: out of memory"
    assert vit.reason == "the fit of fold 0, seed 0 failed: no weights"
    assert (mim.n_fits, vit.n_fits) == (2, 1)
    assert len(table[table.row == "vit"]) == len(table[table.row == "mim/l1"])


def test_missing_scores_are_named_and_spoil_only_what_they_touch(two_folds):
    fits, _ = two_folds
    scores = [
        row
        for fold in range(2)
        for row in score_rows(f"mim-{fold}", "mim/l1", clean_scores(fold), skip=[("blur", 1, "u0")])
    ]
    table = metrics_table(run_tables(fits, scores), resamples=10)
    lost = number(table, category="acne", corruption="blur", severity=1)
    assert math.isnan(lost.value)
    assert lost.reason == "1 of 2 OOD scores missing"
    far = {"role": "unknown", "relation": "other-source", "category": ""}
    for metric in ("auroc", "aupr_in", "auroc_drop"):
        assert number(table, metric, corruption="blur", severity=1, **far).reason == lost.reason
    assert math.isnan(number(table, corruption="*", severity=-1, category="acne").value)
    assert not math.isnan(
        number(table, category="acne", corruption="blur", severity=1, protocol="target-only").value
    )
    assert not math.isnan(number(table, category="acne", corruption="blur", severity=3).value)


def test_fits_on_another_category_stay_out(two_folds):
    fits, scores = two_folds
    fits.append(fit_row("swap-0", "mim", 0, fitted_on="measles"))
    scores += score_rows("swap-0", "mim/l1", dict.fromkeys(clean_scores(0), 0.0))
    acne = number(metrics_table(run_tables(fits, scores), resamples=0), category="acne")
    assert acne.value == pytest.approx(0.5625)
    assert acne.n_fits == 2


def test_external_others_are_compared_with_external_target_images_alone(two_folds):
    fits, scores = two_folds
    tables = run_tables(fits, scores)
    images = tables.images.copy()
    abroad = images.image_id.isin(["v0", "u0"])
    images.loc[abroad, ["role", "source"]] = ["external", "B"]
    images.loc[images.image_id == "v0", "category"] = "mpox"
    images.loc[images.image_id == "a0", "role"] = "external"
    table = metrics_table(RunTables(tables.scores, tables.fits, images), resamples=0)
    assert "mpox" not in set(table.category)
    # v0 has 0 and 7, u0 2 and 1, the paper 5 and 5
    acne, paper = (number(table, role="external", category=c) for c in ("acne", "paper"))
    assert (acne.value, acne.relation) == (0.5, "same-source")
    assert (paper.value, paper.relation) == (0.5, "other-source")
    assert (acne.n_target, acne.n_target_patients) == (1, 1)
    assert "external" not in set(table[table.question == "open-set"].role)
    at_home = number(table, role="unknown", category="acne")
    assert at_home.n_target == 4
    assert at_home.n_other == 1


def test_without_external_target_images_nothing_external_is_compared(two_folds):
    tables = run_tables(*two_folds)
    images = tables.images.copy()
    images.loc[images.image_id == "a0", "role"] = "external"
    table = metrics_table(RunTables(tables.scores, tables.fits, images), resamples=0)
    assert "external" not in set(table.role)
    assert "paper" not in set(table.category)


def test_the_table_is_the_same_again_and_complete(two_folds):
    tables = run_tables(*two_folds)
    first, second = (metrics_table(tables, resamples=20, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert list(first.columns) == list(METRIC_COLUMNS)
    assert first.loc[first.value.isna(), "reason"].ne("").all()
    assert first.loc[first.low.isna(), "reason"].ne("").all()
    assert first.loc[first.low.notna(), "method"].ne("").all()
    key = ["row", "detector", "question", "role", "relation", "category", "corruption",
           "severity", "protocol", "metric"]  # fmt: skip
    assert not first.duplicated(key).any()


def test_tables_without_a_target_or_with_an_image_scored_twice_are_refused(two_folds):
    fits, scores = two_folds
    with pytest.raises(TableError, match="twice"):
        metrics_table(run_tables(fits, [*scores, scores[0]]))
    tables = run_tables(fits, scores)
    images = images_table().replace({"role": {"target": "known"}})
    with pytest.raises(TableError, match="exactly one"):
        metrics_table(RunTables(tables.scores, tables.fits, images))


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True])
def test_intervals_of_the_table_are_those_of_the_published_method(two_folds, trained):
    rng = np.random.default_rng(0)
    fits, _ = two_folds
    images = pd.concat([images_table().assign(copy=k) for k in range(20)], ignore_index=True)
    images["image_id"] += images["copy"].astype(str)
    images["patient"] += (images["copy"] // 2).astype(str)
    scores = pd.DataFrame(
        [
            {"fit_id": fit["fit_id"], "score": "mim/l1", "corruption": "clean", "severity": 0,
             "image_id": name, "value": rng.normal() + (role != "target")}
            for fit in fits for name, role in zip(images["image_id"], images["role"], strict=True)
        ]
    )  # fmt: skip
    fits = pd.DataFrame(fits).astype({"fold": "Int64", "seed": "Int64"})
    if not trained:  # one model that has seen no image
        fits = fits[:1].assign(fold=None, seed=None).astype({"fold": "Int64", "seed": "Int64"})
        scores = scores[scores["fit_id"] == fits["fit_id"].iloc[0]]
    table = metrics_table(RunTables(scores, fits, images), resamples=200)
    wide = scores.pivot_table(index="fit_id", columns="image_id", values="value")
    codes = pd.factorize(images["patient"])[0]

    def fold_influence(fold):
        test = (images[f"split_{fold}"] == "test").to_numpy()
        sides = [test & (images["category"] == name).to_numpy() for name in ("mpox", "acne")]
        cells = Cells(*(codes[side] for side in sides), n_patients=codes.max() + 1)
        return cells.influence(
            *(wide.loc[f"mim-{fold * trained}", images["image_id"][side]] for side in sides)
        )

    mean = combine([fold_influence(0), fold_influence(1)], [0.5, 0.5])
    if trained:  # each target patient is trained on by the other fold: twice the variance again
        mean = replace(
            mean, training=FoldTraining({"mpox": np.sqrt(2) * mean.id}, np.array([[0.1, 0.9]]), 1.0)
        )
    mean = mean.area_estimates()[0]
    acne = number(table, category="acne")
    assert (acne.value, acne.low, acne.high) == pytest.approx((mean.value, mean.low, mean.high))
    # with this many patients the bootstrap of the same AUROC has about the same width
    ap = number(table, "aupr_out", category="acne")
    assert ap.high - ap.low == pytest.approx(acne.high - acne.low, rel=0.7)


def test_intervals_that_cover_too_little_carry_a_caution(two_folds):
    fits, _ = two_folds
    values = clean_scores(0) | {"t1": 2.5, "u0": 2.0, "u1": 4.0}  # one of four pairs wrong
    scores = [row for fit in fits for row in score_rows(fit["fit_id"], "mim/l1", values)]
    table = metrics_table(run_tables(fits, scores), resamples=20)
    drop = number(table, "auroc_drop", category="acne", corruption="blur", severity=1)
    assert "83 to 94 %" in drop.caution
    assert number(table, category="acne").caution == ""  # 3 patients against 2: not that uneven
    assert table.loc[table.low.isna(), "caution"].eq("").all()
    # two target images against one or two others in a fold
    assert "positives are not outnumbered" in number(table, "aupr_in", category="paper").caution
    assert number(table, "aupr_out", category="paper").caution == ""


def test_clean_images_get_all_resamples_and_single_corruptions_the_first_of_them(
    two_folds, monkeypatch
):
    monkeypatch.setattr(row_metrics, "CORRUPTED", 63)
    tables = run_tables(*two_folds)
    many, few = metrics_table(tables, resamples=300), metrics_table(tables, resamples=63)
    drawn = many["method"].str.contains("resamples")
    clean = many["corruption"] == "clean"
    assert set(many.loc[drawn & clean, "method"]) == {"patient bootstrap, 300 resamples, logit"}
    assert set(many.loc[drawn & ~clean, "method"]) == {"patient bootstrap, 63 resamples, logit"}
    corrupted = [table[table["corruption"] != "clean"] for table in (many, few)]
    assert corrupted[0]["low"].notna().any()
    np.testing.assert_array_equal(corrupted[0]["value"], corrupted[1]["value"])


@pytest.mark.slow
def test_nothing_here_imports_torch():
    package = Path(metrics.__file__).parents[1]
    files = sorted(package.rglob("[a-z]*.py"))
    assert len(files) > 30
    names = [".".join(path.relative_to(package).with_suffix("").parts) for path in files]
    script = "\n".join(f"import mimbench.statistics.{name}" for name in names)
    check = f"{script}\nimport sys\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
