"""Paired comparisons of AUROCs of one run, and tests of what a claim says about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.errors import UnknownNameError
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.influence import Influence
from mimbench.statistics.run.comparison_sets import Area, ComparisonSet, RowAreas
from mimbench.statistics.run.kept_ranks import keeps_ranks
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Question
from mimbench.statistics.run.retraining import Models
from mimbench.statistics.run.uncertainty import Measured
from mimbench.statistics.tables.row_metrics import ALL_CORRUPTIONS, MEAN_SEVERITY

__all__ = [
    "Quantity",
    "RunAurocs",
    "holm",
    "holm_factors",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One AUROC of a run, addressed as in the metrics table.

    Attributes:
        row: name of the score.
        question: "detection" or "open-set".
        role, relation: of the OOD side.
        category: a category; empty: the mean over those of the role and relation.
        corruption: "clean", a corruption, or "*" for the mean over all.
        severity: 0 clean, 1..5, -1 for the mean over those present.
        protocol: "both" or "target-only".
    """

    row: str
    role: str = "unknown"
    relation: str = "other-source"
    category: str = ""
    corruption: str = CLEAN
    severity: int = 0
    protocol: str = "both"
    question: str = "detection"


class RunAurocs:
    """AUROCs of a run with patient influences, so that any two of them can be compared.

    Two of these made from the same images table, e.g. with other `fits`, share their
    patients: `combine([a.influence(q), b.influence(q)], [1, -1])` is a paired difference.
    """

    def __init__(
        self,
        tables: RunTables,
        *,
        fits: NDArray[np.bool_] | None = None,
        among: NDArray[np.bool_] | None = None,
        layout: Layout | None = None,
    ) -> None:
        """Take the tables; `fits` and `among` as for `Layout`, or the layout itself."""
        self._layout = layout or Layout(tables, fits=fits, among=among)
        self._fits = tables.fits
        self._rows: dict[tuple[str, str, bool], RowAreas] = {}
        self._comparison_sets: dict[tuple[str, bool], ComparisonSet] = {}
        self._means: dict[tuple[int, str, int, str], Area] = {}
        self._models: dict[str, Models] = {}

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(row.score for row in self._layout.rows)

    @cached_property
    def _questions(self) -> list[Question]:
        return self._layout.questions()

    def groups(self, question: str = "detection") -> list[tuple[str, str]]:
        """Role and relation of each mean over categories; empty without OOD images."""
        found = [asked for asked in self._questions if asked.name == question]
        return [(group.role, group.relation) for asked in found for group in asked.means]

    def categories(self, role: str, relation: str, question: str = "detection") -> list[str]:
        """Categories in the mean of a role and relation."""
        asked = [own for own in self._questions if own.name == question]
        found = [group for own in asked for group in own.groups]
        return [g.category for g in found if (g.role, g.relation) == (role, relation)]

    def influence(self, quantity: Quantity) -> Influence:
        """One number with its patient influences.

        Raises:
            UnknownNameError: the row, question, role, category or condition is not in the run.
        """
        return self.measured(quantity).patients

    def measured(self, quantity: Quantity) -> Measured:
        """One number with all that it varies by: its patients, and its trained models.

        Raises:
            UnknownNameError: as for `influence`.
        """
        areas, entry = self._find(quantity)
        area = self._at(areas, quantity.corruption, quantity.severity, quantity.protocol)
        own = area.influence.mix(np.eye(len(areas.entries))[entry])
        if areas.row.reason:
            own = replace(own, reasons=(areas.row.reason,))
        if quantity.row not in self._models:
            self._models[quantity.row] = Models(self._fits, areas.row)
        models = self._models[quantity.row]
        fit_of_cell = [fit for fit, _, _ in areas.cells]
        return Measured(own, models.trainings(fit_of_cell, area.per_cell[:, [entry]]))

    def keeps_ranks(self, other: Self, quantity: Quantity) -> bool:
        """Whether the other run ranks the images of a number alike, under every condition.

        Raises:
            UnknownNameError: as for `influence`.
        """
        return keeps_ranks(self._find(quantity), other._find(quantity))

    def _find(self, quantity: Quantity) -> tuple[RowAreas, int]:
        """The row's AUROCs and the position of the group asked for."""
        areas = self._areas(quantity)
        wanted = f"{quantity.role} / {quantity.relation} / {quantity.category}"
        return areas, _position("group of images", wanted, areas.comparison_set.question.names)

    def _areas(self, quantity: Quantity) -> RowAreas:
        """The row's AUROCs on the question asked, at home or on external images."""
        abroad = quantity.role == "external"
        key = (quantity.row, quantity.question, abroad)
        if key not in self._rows:
            asked = self._questions
            own = [q for q in asked if (q.groups[0].role == "external") == abroad] or asked
            question = own[_position("question", quantity.question, [q.name for q in own])]
            row = self._layout.rows[_position("row", quantity.row, self.rows)]
            if key[1:] not in self._comparison_sets:
                self._comparison_sets[key[1:]] = ComparisonSet(self._layout, question)
            comparison_set = self._comparison_sets[key[1:]]
            self._rows[key] = RowAreas(self._layout, comparison_set, row, self._layout.values(row))
        return self._rows[key]

    def _at(self, areas: RowAreas, corruption: str, severity: int, protocol: str) -> Area:
        key = (id(areas), corruption, severity, protocol)
        if key not in self._means:
            self._means[key] = self._area(areas, corruption, severity, protocol)
        return self._means[key]

    def _area(self, areas: RowAreas, corruption: str, severity: int, protocol: str) -> Area:
        conditions = self._layout.conditions
        corruptions = dict.fromkeys(name for name, _ in conditions if name != CLEAN)
        _position("protocol", protocol, ("both", "target-only"))
        if corruption not in (CLEAN, ALL_CORRUPTIONS):
            _position("corruption of the run", corruption, list(corruptions))
        if corruption == ALL_CORRUPTIONS:
            return Area.mean([self._at(areas, c, MEAN_SEVERITY, protocol) for c in corruptions])
        if severity == MEAN_SEVERITY:
            own = [s for name, s in conditions if name == corruption]
            return Area.mean([self._at(areas, corruption, s, protocol) for s in own])
        names = [f"{name} {level}" for name, level in conditions]
        k = _position("condition", f"{corruption} {severity}", names)
        other = _position("condition", f"{CLEAN} 0", names) if protocol == "target-only" else k
        return areas.area(k, other)


def holm(p_values: ArrayLike) -> Array:
    """Adjusted p-values of a family: reject where they are below the family-wise level.

    Args:
        p_values: (K,) in [0, 1]; NaN counts as 1, since a test not done rejects nothing.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    p = np.nan_to_num(np.asarray(p_values, dtype=np.float64), nan=1.0)
    return np.asarray(np.minimum(p * holm_factors(p), 1.0))


def holm_factors(p_values: Array) -> Array:
    """(K,) by what Holm's correction multiplies each p of a family, at least 1."""
    order = np.argsort(p_values, kind="stable")
    ranked = p_values[order]
    steps = np.arange(p_values.size, 0, -1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        raised = np.maximum.accumulate(ranked * steps) / ranked
    factors = np.empty(p_values.size)
    factors[order] = np.where(ranked > 0, raised, steps)
    return factors


def _position(kind: str, name: str, known: Sequence[str]) -> int:
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return list(known).index(name)
