"""Sensitivity and specificity at the frozen threshold, with patient influences."""

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mimbench.errors import UnknownNameError
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.retraining import Models
from mimbench.statistics.run.threshold import (
    Side,
    frozen_thresholds,
    judged_sides,
    validation_masks,
)
from mimbench.statistics.run.uncertainty import Measured

__all__ = ["RunShares"]


class RunShares:
    """Shares of images on the right side of each row's frozen threshold.

    They are the numbers of `operating_table`, and can be combined and compared like those of
    `RunAurocs`. The threshold always comes from all target validation images, whatever `among`.
    """

    def __init__(
        self,
        tables: RunTables,
        *,
        among: NDArray[np.bool_] | None = None,
        layout: Layout | None = None,
    ) -> None:
        """Take the tables; `among` (N,) says which images count, by default all; or a layout."""
        self._layout = layout or Layout(tables, among=among)
        self._fits = tables.fits
        self._validation = validation_masks(tables, self._layout)

    @cached_property
    def _sides(self) -> list[Side]:
        return judged_sides(self._layout)

    def groups(self, metric: str) -> list[tuple[str, str, str]]:
        """Role, relation and category of each group; an empty category is the mean over them."""
        return [
            (group.role, group.relation, group.category)
            for side in self._sides
            if side.metric == metric
            for group in side.groups
        ]

    def measured(
        self,
        row: str,
        metric: str,
        group: tuple[str, str, str],
        corruption: str = CLEAN,
        severity: int = 0,
    ) -> Measured:
        """One share in [0, 1], higher = better, with all that it varies by.

        Args:
            row: name of the score.
            metric: "sensitivity" or "specificity".
            group: one of `groups(metric)`.
            corruption: "clean" or a corruption.
            severity: 0 clean, else 1..5.

        Raises:
            UnknownNameError: the row, group or condition is not in the run.
        """
        layout = self._layout
        own = next((candidate for candidate in layout.rows if candidate.score == row), None)
        if own is None:
            raise UnknownNameError("row", row, [candidate.score for candidate in layout.rows])
        if group not in self.groups(metric):
            known = [" / ".join(found) for found in self.groups(metric)]
            raise UnknownNameError("group of images", " / ".join(group), known)
        if (corruption, severity) not in layout.conditions:
            known = [f"{name} {level}" for name, level in layout.conditions]
            raise UnknownNameError("condition", f"{corruption} {severity}", known)
        side, entry = self._place(metric, group)
        values = layout.values(own)
        at, reason = frozen_thresholds(layout, own, values, self._validation, side.external)
        condition = layout.conditions.index((corruption, severity))
        cells = layout.cells(own)
        shares, per_cell = side.measured(cells, values[:, condition], at, row)
        share = shares.mix(np.eye(len(shares.value))[entry])
        if reason:
            nothing = replace(share.patients, value=np.full(1, np.nan), reasons=(reason,))
            share = replace(share, patients=nothing)
        if len({fold for _, fold, _ in cells}) == 1:  # then fits differ by their seeds alone
            share = replace(share, parts=())
        trainings = Models(self._fits, own).trainings(
            [k for k, _, _ in cells], per_cell[:, [entry]]
        )
        return replace(share, trainings=trainings)

    def _place(self, metric: str, group: tuple[str, str, str]) -> tuple[Side, int]:
        """The side that has the group, and its position there."""
        return next(
            (side, entry)
            for side in self._sides
            if side.metric == metric
            for entry, own in enumerate(side.groups)
            if (own.role, own.relation, own.category) == group
        )
