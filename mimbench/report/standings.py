"""How each row stands against the best control and the best detector: paired comparisons."""

from dataclasses import replace
from math import isnan
from typing import Literal

from mimbench.report.groups import Group
from mimbench.scores import CLEAN, RunTables
from mimbench.statistics.comparisons import Quantity, RunAurocs
from mimbench.statistics.estimate import Estimate
from mimbench.statistics.influence import paired_difference

__all__ = ["PairedDifferences", "Standing", "standing_of"]

Standing = Literal["control", "above", "uncertain", "not above", "not compared"]


class PairedDifferences:
    """Differences of clean AUROCs on the same images, with intervals clustered by patient."""

    def __init__(self, tables: RunTables) -> None:
        """Take the tables of a run; only clean scores enter."""
        scores = tables.scores
        self._aurocs = RunAurocs(replace(tables, scores=scores[scores["corruption"] == CLEAN]))

    def between(self, row: str, other: str, group: Group) -> Estimate:
        """AUROC of `row` minus that of `other`, higher = `row` is better."""
        own, its = (
            self._aurocs.influence(Quantity(name, role=group.role, relation=group.relation))
            for name in (row, other)
        )
        return paired_difference(own, its)[0]


def standing_of(difference: Estimate | None) -> Standing:
    """What a paired difference to the best control says; None or NaN: nothing to compare."""
    if difference is None or isnan(difference.value):
        return "not compared"
    if difference.value <= 0:
        return "not above"
    # NaN compares false: without an interval nothing shows more than chance.
    return "above" if difference.low > 0 else "uncertain"
