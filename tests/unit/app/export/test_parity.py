"""The gate finds another score and another decision, and names the picture."""

import numpy as np
import pytest

from mimbench.app.export.parity import TOLERANCE, check_parity, compare
from mimbench.errors import DetectorError

THRESHOLDS, UNIT = np.array([0.0, 0.0]), np.array([1.0, 2.0])
REFERENCE = np.array([[0.5, -1.0], [-0.5, 1.0], [1e-5, 3.0]])
NAMES = ["one.png", "two.png", "three.png"]


def test_equal_scores_pass_and_a_flip_at_the_threshold_does_not_count() -> None:
    found = REFERENCE + np.array([[0, 0], [0, 0], [-2e-5, 0]])
    parity = compare("Chromium", REFERENCE, found, THRESHOLDS, UNIT, NAMES)
    assert parity.passed
    assert parity.flipped == 0
    assert parity.largest == pytest.approx(2e-5)
    check_parity(parity, "mim/l1")


def test_a_difference_is_measured_in_the_fits_standard_deviations() -> None:
    found = REFERENCE.copy()
    found[1, 1] += 3 * TOLERANCE
    parity = compare("Chromium", REFERENCE, found, THRESHOLDS, UNIT, NAMES)
    assert parity.largest == pytest.approx(1.5 * TOLERANCE)
    far = REFERENCE + np.array([[0, 0], [0, 0], [0, 300.0]])
    beside = compare("Chromium", far, far * (1 + 1e-4), THRESHOLDS, UNIT, NAMES)
    assert beside.passed  # an extreme score is rounded more, and decides the same
    assert beside.deviations == pytest.approx(303e-4 / 2)  # and the card says by how much
    with pytest.raises(DetectorError, match=r"mim/l1.*Chromium.*two\.png"):
        check_parity(parity, "mim/l1")


@pytest.mark.parametrize("wrong", [-0.4, np.nan, np.inf])
def test_another_decision_or_no_number_is_refused(wrong: float) -> None:
    found = REFERENCE.copy()
    found[0, 0] = wrong
    parity = compare("ONNX Runtime", REFERENCE, found, THRESHOLDS, UNIT, NAMES)
    assert not parity.passed
    assert parity.where == "one.png"
