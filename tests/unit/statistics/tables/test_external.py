"""The external test's AUROCs vary with retraining too, and their intervals say so."""

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables

from mimbench.scores.tables import RunTables
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.tables.external import external_test


def run(seeds: range) -> RunTables:
    """A row whose AUROC moves from seed to seed, on images of two sites."""
    own = made_images({"mpox": ("target", "clinic", 60), "measles": ("known", "clinic", 60)})
    site = made_images({"mpox": ("external", "site", 60), "acne": ("external", "site", 60)})
    there = site.assign(image_id="x" + site["image_id"], patient="x" + site["patient"])
    images = pd.concat([own, there], ignore_index=True)
    tables = made_tables({"mim": Made(0.8)}, images=images, seeds=seeds)
    target = images.loc[images["category"] == "mpox", "image_id"]
    off = np.random.default_rng(0).normal(0, 0.4, len(tables.fits))
    moved = tables.scores["fit_id"].map(dict(zip(tables.fits["fit_id"], off, strict=True)))
    shift = np.where(tables.scores["image_id"].isin(target), moved, 0.0)
    scores = tables.scores.assign(value=tables.scores["value"] + shift)
    return RunTables(scores, tables.fits, images)


def width(line: pd.Series) -> float:
    return float(line["high"] - line["low"])


@pytest.mark.parametrize("number", ["auroc", "drift"])
def test_intervals_contain_retraining_or_say_that_it_is_unknown(number: str) -> None:
    several, one = (external_test(run(range(count))) for count in (4, 1))
    assert several is not None
    assert one is not None
    with_it, without = (getattr(test, number).iloc[0] for test in (several, one))
    assert "retraining" in without["caution"]
    assert "retraining" not in with_it["caution"]
    if number == "auroc":
        asked = Quantity("mim", role="external", relation="same-source")
        measured = RunAurocs(run(range(4))).measured(asked)
        low, high = (float(end[0]) for end in measured.area_interval())
        assert (with_it["low"], with_it["high"]) == (pytest.approx(low), pytest.approx(high))
        alone = measured.patients.area_interval()
        assert width(with_it) > 1.1 * float(alone[1][0] - alone[0][0])
