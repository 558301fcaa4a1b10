"""Sensitivity and specificity at the frozen threshold; where there is none, the reason."""

import numpy as np
import pandas as pd
import pytest
from score_tables import CONDITIONS, fit_row

from mimbench.report.leaderboard.lookup import share_text
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.operating import operating_table


@pytest.fixture
def run():
    """20 target patients, one for validation in each of 20 folds; blur lifts the target by 10."""
    rng = np.random.default_rng(2)
    names = [f"t{k}" for k in range(20)] + ["u0", "u1", "v0", "e0"]
    images = pd.DataFrame(
        {
            "image_id": names,
            "dataset": "d",
            "path": "",
            "category": ["mpox"] * 20 + ["acne", "acne", "orf", "mpox"],
            "role": ["target"] * 20 + ["unknown"] * 3 + ["external"],
            "patient": names,
            "source": ["A"] * 20 + ["B"] * 3 + ["C"],
        }
    )
    for fold in range(20):
        parts = np.where(np.arange(24) == fold, "validation", "train").astype(object)
        parts[[(fold + 1) % 20, 20, 21, 22, 23]] = "test"
        images[f"split_{fold}"] = parts
    base = np.concatenate([rng.permutation(np.arange(1.0, 21.0)), [15.0, 30.0, 30.0, 5.0]])
    scores = [
        {"fit_id": f"mim-{fold}", "score": "mim/l1", "corruption": corruption,
         "severity": severity, "image_id": name,
         "value": base[k] + 10 * severity * (k < 20)}
        for fold in range(20) for corruption, severity in CONDITIONS
        for k, name in enumerate(names)
    ]  # fmt: skip
    fits = pd.DataFrame([fit_row(f"mim-{fold}", "mim", fold) for fold in range(20)])
    fits = fits.astype({"fold": "Int64", "seed": "Int64"})
    return RunTables(pd.DataFrame(scores), fits, images)


def number(table, metric, **where):
    where = {"corruption": "clean", "metric": metric, **where}
    return table[np.logical_and.reduce([table[k] == v for k, v in where.items()])].iloc[0]


def test_sensitivity_and_specificity_at_the_threshold_pooled_over_folds(run):
    table = operating_table(run)
    # each fold leaves its own test patient out: 20 x 0.95 = 19, the highest of the other 19, so
    # that the image with the highest score of all is refused in the one fold that tests it
    target = number(table, "sensitivity", role="target")
    assert target.value == pytest.approx(0.95)
    assert 0.6 < target.low < 0.95
    assert target.n == 20
    assert number(table, "specificity", category="acne").value == pytest.approx(0.5)
    assert number(table, "specificity", category="", role="unknown").value == pytest.approx(0.75)
    # the threshold is frozen: clean validation scores decide, corrupted test scores are judged
    assert number(table, "sensitivity", role="target", corruption="blur").value == pytest.approx(
        0.5
    )
    # target images from another site count for sensitivity
    assert number(table, "sensitivity", role="external").value == 1


def test_too_few_validation_patients_leave_rows_with_a_reason(run):
    images = run.images.copy()
    images["split_3"] = images["split_3"].replace("validation", "train")
    images["split_4"] = images["split_4"].replace("validation", "train")
    table = operating_table(RunTables(run.scores, run.fits, images))
    assert len(table) > 0
    assert table.value.isna().all()
    own = table["role"] != "external"
    assert set(table.reason[own]) == {"17 target patients in validation; 19 are needed"}
    # no fold tests external images, so that no validation image is left out
    assert set(table.reason[~own]) == {"18 target patients in validation; 19 are needed"}


def test_external_images_meet_the_threshold_of_all_validation_images(run):
    scores = run.scores.copy()
    # 20 patients: the 20th of 20 is the threshold, the 19th where one of them is being tested
    scores.loc[scores.image_id == "e0", "value"] = 19.5
    table = operating_table(RunTables(scores, run.fits, run.images))
    assert number(table, "sensitivity", role="external").value == 1
    scores.loc[scores.image_id == "e0", "value"] = 20.5
    table = operating_table(RunTables(scores, run.fits, run.images))
    assert number(table, "sensitivity", role="external").value == 0


def test_fits_whose_thresholds_disagree_show_their_range_and_an_interval_that_says_so():
    rng = np.random.default_rng(3)
    number_of = np.arange(160)
    target = number_of < 100
    images = pd.DataFrame(
        {
            "image_id": number_of.astype(str),
            "dataset": "d",
            "path": "",
            "category": np.where(target, "mpox", "acne"),
            "role": np.where(target, "target", "unknown"),
            "patient": number_of.astype(str),
            "source": "A",
        }
    )
    base, fits, scores = rng.normal(size=160), [], []
    for fold in range(5):
        parts = np.select(
            [~target | (number_of % 5 == fold), number_of % 5 == (fold + 1) % 5],
            ["test", "validation"], "train",
        )  # fmt: skip
        images[f"split_{fold}"] = parts
        fits.append(fit_row(f"mim-{fold}", "mim", fold))
        values = base + 10 * (~target & (fold == 0))  # one fit refuses them all
        own = images[["image_id"]].assign(fit_id=f"mim-{fold}", value=values)
        scores.append(own[parts != "train"])
    fits = pd.DataFrame(fits).astype({"fold": "Int64", "seed": "Int64"})
    scores = pd.concat(scores).assign(score="mim/l1", corruption="clean", severity=0)
    table = operating_table(RunTables(scores, fits, images))
    found = number(table, "specificity", category="acne")
    assert found.lowest < 0.1
    assert found.highest == 1
    assert found.low < 0.1
    assert found.high > 0.7
    assert "fits differ" in found.caution
    ends = f"(fits: {found.lowest:.2f} to 1.00)†"
    assert share_text(found) == f"{found.value:.2f} {ends}"
    alike = number(table, "sensitivity")
    assert alike.caution == ""
    assert share_text(alike).startswith(f"{alike.value:.2f} [")
