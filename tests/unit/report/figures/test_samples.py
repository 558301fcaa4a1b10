"""A fit that tells nothing apart does not squeeze the picture of the others to lines."""

import numpy as np
import pandas as pd

from mimbench.report.figures.distributions import distribution_figure
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.groups import Group


def test_one_dead_fit_and_its_threshold_do_not_set_the_scale() -> None:
    rng = np.random.default_rng(0)
    unknown = Group("unknown", "other-source")
    frames = []
    for fit in range(3):
        for group in ("target", unknown.label):
            values = rng.standard_normal(200)
            if fit == 2:  # nearly the same score for every image, but for a few
                values[::20] = 4000
            frames.append(pd.DataFrame({"row": "cnn", "group": group, "value": values}))
    values = pd.concat(frames)
    style = {"cnn": RowStyle("#0072b2", "", "o")}
    (axis,) = distribution_figure(values, {"cnn": 4000.0}, [unknown], style).axes
    low, high = axis.get_xlim()
    assert -6 < low < -2
    assert 2 < high < 6
    assert [text.get_text() for text in axis.texts] == ["threshold →"]
    (axis,) = distribution_figure(values, {"cnn": -4000.0}, [unknown], style).axes
    assert [text.get_text() for text in axis.texts] == ["← threshold"]
    (axis,) = distribution_figure(values, {"cnn": 1.5}, [unknown], style).axes
    assert not axis.texts
    assert any(list(line.get_xdata()) == [1.5, 1.5] for line in axis.lines)
