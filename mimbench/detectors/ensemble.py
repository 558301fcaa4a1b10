"""An ensemble as a detector: it names rows of the table and sees no image."""

from collections.abc import Sequence

from mimbench.detectors.protocol import Detector
from mimbench.errors import RecipeError

__all__ = ["Ensemble"]


class Ensemble(Detector):
    """Mean of other rows' scores, each standardised on validation images of the target.

    See `mimbench.statistics.tables.ensemble`, which computes it from the score table.
    """

    trains_on = "rows"
    random = False

    def __init__(self, rows: Sequence[str]) -> None:
        """`rows` are names of rows of the same run, such as "mim/residual"; two or more."""
        if len(set(rows)) < max(len(rows), 2):
            raise RecipeError(
                f"An ensemble needs two or more different rows, not {rows!r}; for example "
                'rows = ["mim/residual", "resnet18/posterior"].'
            )
        self.combines = tuple(rows)
