"""A number as a notebook shows it."""

from math import nan

from mimbench.statistics.core.estimate import Estimate, missing


def test_a_number_is_shown_with_its_interval_its_p_and_what_to_know() -> None:
    assert repr(Estimate(0.71234, 0.6, 0.8)) == "Estimate(0.712 [0.600, 0.800])"
    difference = Estimate(-0.033, -0.21, 0.144, p=0.7, caution="few patients")
    assert repr(difference) == "Estimate(-0.033 [-0.210, 0.144], p = 0.700; few patients)"
    assert repr(Estimate(0.5, nan, nan, reason="no interval")) == "Estimate(0.500; no interval)"
    assert repr(missing("no images")) == "Estimate(none: no images)"
