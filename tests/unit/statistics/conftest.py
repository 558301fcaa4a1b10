"""A run that several tests look at."""

import pytest
from score_tables import clean_scores, fit_row, score_rows


@pytest.fixture
def two_folds():
    """One row with a fit per fold; corruption lifts the target's scores by its severity."""
    fits = [fit_row(f"mim-{fold}", "mim", fold) for fold in range(2)]
    scores = [
        row
        for fold in range(2)
        for row in score_rows(f"mim-{fold}", "mim/l1", clean_scores(fold), shift_target=1.0)
    ]
    return fits, scores
