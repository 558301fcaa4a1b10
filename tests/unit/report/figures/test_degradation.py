"""Curves of many corruptions are drawn by family, the mean first."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from mimbench.report.figures.degradation import (
    ALL_CORRUPTIONS,
    MANY,
    by_families,
    degradation_curves,
    degradation_figure,
)
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.groups import Group

CORRUPTIONS = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "fog", "snow", "hair", "marker"),
    *("motion_blur", "defocus_blur", "rotation"),
)


@pytest.fixture
def curves() -> pd.DataFrame:
    """Ten corruptions at two severities of two rows; the AUROC falls by a known amount."""
    group = {"question": "detection", "role": "unknown", "relation": "same-source"}
    cell = {**group, "category": "", "metric": "auroc", "protocol": "both"}
    lines = [
        {**cell, "row": row, "corruption": "clean", "severity": 0, "value": 0.9, "low": 0.8,
         "high": 1.0} for row in ("a", "b")
    ]  # fmt: skip
    for row, (k, name), severity in product("ab", enumerate(CORRUPTIONS), (1, 3)):
        value = 0.9 - 0.01 * k * severity
        lines.append(
            {**cell, "row": row, "corruption": name, "severity": severity, "value": value,
             "low": value - 0.1, "high": value + 0.1}
        )  # fmt: skip
    table = pd.DataFrame(lines)
    return degradation_curves(table, Group("unknown", "same-source"), "both", ["a", "b"])


def test_ten_corruptions_are_a_mean_and_their_families(curves: pd.DataFrame) -> None:
    assert len(CORRUPTIONS) > MANY
    found = by_families(curves)
    panels = list(dict.fromkeys(found["corruption"]))
    assert panels == [
        ALL_CORRUPTIONS,
        "noise: mean of 3",
        "blur: mean of 2",
        "weather: mean of 2",
        "occlusion: mean of 2",
        "rotation",
    ]
    own = found[(found["row"] == "a") & (found["severity"] == 3)].set_index("corruption")
    assert own.at["noise: mean of 3", "value"] == pytest.approx(0.9 - 0.01 * 3 * np.mean([0, 1, 2]))
    assert own.at[ALL_CORRUPTIONS, "value"] == pytest.approx(0.9 - 0.01 * 3 * np.mean(range(10)))
    assert np.isnan(own.at["blur: mean of 2", "low"]), "a mean of several has no interval"
    assert own.at["rotation", "low"] == pytest.approx(own.at["rotation", "value"] - 0.1)


def test_the_figure_has_one_panel_for_each_of_them(curves: pd.DataFrame) -> None:
    styles = {row: RowStyle("#0a78c2", "", "o") for row in "ab"}
    figure = degradation_figure(by_families(curves), styles, "unknown")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == ALL_CORRUPTIONS
    assert len(titles) == 6
