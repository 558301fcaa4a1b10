"""Subgroups: a group that is served worse is seen, a small one is not measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables

from mimbench.errors import UnknownNameError
from mimbench.report.subgroups import write_subgroups
from mimbench.scores.tables import RunTables
from mimbench.statistics.ranking.roc import auroc
from mimbench.statistics.run.sensitivity import RunShares
from mimbench.statistics.tables.operating import operating_table
from mimbench.statistics.tables.subgroups import subgroup_table

CATEGORIES = {"mpox": ("target", "clinic", 240), "acne": ("unknown", "clinic", 240)}


@pytest.fixture(scope="module")
def run() -> RunTables:
    images = made_images(CATEGORIES)
    return made_tables({"mim": Made(0.9, only={"VI": 0.6})}, images=images)


@pytest.fixture(scope="module")
def groups(run: RunTables) -> pd.DataFrame:
    return subgroup_table(run, "skin_tone").set_index(["metric", "group"])


def test_the_group_that_is_served_worse_and_the_gap_are_seen(groups: pd.DataFrame) -> None:
    light, dark, gap = (groups.loc[("auroc", name)] for name in ("I", "VI", "gap"))
    assert light["low"] > dark["high"]
    assert gap["value"] == pytest.approx(light["value"] - dark["value"])
    assert gap["low"] > 0.1


def test_auroc_of_a_group_is_that_of_its_images_alone(run: RunTables, groups: pd.DataFrame) -> None:
    clean = run.scores[run.scores["corruption"] == "clean"].merge(run.images, on="image_id")
    own = clean[(clean["skin_tone"] == "VI") & (clean["split_0"] == "test")]
    by_role = {role: part["value"] for role, part in own.groupby("role")}
    expected = auroc(by_role["target"], by_role["unknown"]).value
    assert groups.loc[("auroc", "VI"), "value"] == pytest.approx(expected)


def test_sensitivity_uses_the_threshold_of_all_validation_images(
    run: RunTables, groups: pd.DataFrame
) -> None:
    whole = operating_table(run)
    whole = whole[(whole["metric"] == "sensitivity") & (whole["corruption"] == "clean")].iloc[0]
    parts = groups.loc["sensitivity"].loc[["I", "VI"], "value"]
    assert parts.mean() == pytest.approx(whole["value"])  # the groups have equally many images
    share = RunShares(run).measured("mim", "sensitivity", ("target", "same-source", "mpox"))
    np.testing.assert_allclose(share.patients.area_interval(), [[whole["low"]], [whole["high"]]])


def test_a_small_group_says_so_and_stays_out_of_the_gap(run: RunTables) -> None:
    few = run.images["patient"].isin([f"mpox-{number}" for number in (0, 1, 2)])
    images = run.images.assign(site=np.where(few, "village", "town"))
    table = subgroup_table(RunTables(run.scores, run.fits, images), "site")
    village = table[(table["group"] == "village") & (table["metric"] == "sensitivity")].iloc[0]
    assert np.isnan(village["value"])
    assert village["reason"] == "too small: 2 target patients; 10 needed"
    assert "gap" not in set(table["group"])


def test_an_unknown_column_is_named(run: RunTables) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean skin_tone"):
        subgroup_table(run, "skin_tones")


def test_the_run_folder_gets_a_table_in_words(run: RunTables, tmp_path: Path) -> None:
    run.write(tmp_path)
    text = write_subgroups(tmp_path, ["skin_tone"])
    table = pd.read_csv(tmp_path / "subgroups.csv")
    assert set(table["group"]) == {"I", "VI", "gap"}
    numbers = table["value_and_95_interval"]
    assert numbers.str.fullmatch(r"0\.\d\d \[-?\d\.\d\d, \d\.\d\d\][†¶]?").all()
    assert "skin_tone" in text
