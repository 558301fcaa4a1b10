"""How each row stands against the best control and the best detector: paired comparisons."""

from dataclasses import replace
from math import isnan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mimbench.report.leaderboard.groups import Group
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import Measured, paired_difference

__all__ = ["LEVEL", "PairedDifferences", "Standing", "clearly", "standing_of"]

Standing = Literal["control", "above", "uncertain", "not above", "not compared"]
LEVEL = 0.05  # of a difference that counts as clear


class PairedDifferences:
    """Differences of clean AUROCs on the same images, over patients and over retraining."""

    def __init__(self, tables: RunTables, among: NDArray[np.bool_] | None = None) -> None:
        """Take the tables of a run; only clean scores enter. `among` as for `Layout`."""
        scores = tables.scores
        clean = replace(tables, scores=scores[scores["corruption"] == CLEAN])
        self._aurocs = RunAurocs(clean, among=among)
        self._found: dict[Quantity, Measured] = {}  # the best control stands beside every row

    def between(
        self, row: str, other: str, group: Group, category: str = "", question: str = "detection"
    ) -> Estimate:
        """AUROC of `row` minus that of `other`, higher = `row` is better.

        Args:
            row: a row.
            other: what is taken off.
            group: categories that the AUROC is the mean of.
            category: one of them alone; empty: the mean.
            question: "detection" or "open-set".
        """
        own, others = (self._measured(name, group, category, question) for name in (row, other))
        return paired_difference(own, others)[0]

    def retraining_known(self, row: str, group: Group) -> bool:
        """Whether the run shows how much retraining moves the row."""
        return not isnan(self._measured(row, group).retraining[0][0])

    def _measured(
        self, row: str, group: Group, category: str = "", question: str = "detection"
    ) -> Measured:
        asked = Quantity(row, group.role, group.relation, category, question=question)
        if asked not in self._found:
            self._found[asked] = self._aurocs.measured(asked)
        return self._found[asked]


def standing_of(difference: Estimate | None) -> Standing:
    """What a paired difference to the best control says; None or NaN: nothing to compare."""
    if difference is None or isnan(difference.value):
        return "not compared"
    if difference.value <= 0:
        return "not above"
    return "above" if clearly(difference) else "uncertain"


def clearly(difference: Estimate) -> bool:
    """Whether a difference is beyond patients and retraining; where one is unknown it is not."""
    return not isnan(difference.p) and difference.p < LEVEL
