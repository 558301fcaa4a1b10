"""A row whose scores are rounding alone is refused before anything is compared."""

import numpy as np
import pytest

from mimbench.app.rows import _spread
from mimbench.errors import DetectorError

MASKS = np.array([[True, True, True, False]])


def test_the_unit_is_the_spread_of_the_validation_images_of_the_fold() -> None:
    assert _spread(np.array([0.1, 0.2, 0.3, 9.0]), MASKS, 0) == pytest.approx(0.0816, abs=1e-4)


def test_a_model_that_scores_all_alike_has_no_unit() -> None:
    alike = np.array([0.6724553, 0.6724553, 0.67245525, 9.0])
    with pytest.raises(DetectorError, match=r"same score.*--row"):
        _spread(alike, MASKS, 0)
