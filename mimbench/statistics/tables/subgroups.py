"""The same numbers within groups of images, e.g. by skin tone: who is served worse?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mimbench.errors import UnknownNameError
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.core.influence import Influence
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.sensitivity import RunShares
from mimbench.statistics.run.uncertainty import Measured, paired_difference
from mimbench.statistics.tables.operating import METHOD

__all__ = ["FEWEST_PATIENTS", "GAP", "SUBGROUP_COLUMNS", "subgroup_table"]

FEWEST_PATIENTS = 10
GAP = "gap"  # stands in place of a group

SUBGROUP_COLUMNS = {
    "by": "str",  # column of the images table
    "group": "str",  # value of that column; "gap": best minus worst group
    "row": "str",
    "metric": "str",  # "auroc", or "sensitivity" at the frozen threshold; clean images
    "role": "str",  # of the OOD side; of the target images for sensitivity
    "relation": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "method": "str",
    "reason": "str",  # why there is no value
    "caution": "str",  # why the interval covers less than it says
    "target_patients": "int64",
    "other_patients": "int64",
}


def subgroup_table(
    tables: RunTables,
    by: str,
    *,
    rows: Sequence[str] = (),
    fewest: int = FEWEST_PATIENTS,
    level: float = 0.95,
) -> pd.DataFrame:
    """AUROC and sensitivity at the frozen threshold within each group of images.

    AUROC compares the target images of a group with the other images of the same group. The gap
    is that between the best and the worst group that is large enough; its interval holds
    simultaneously for all pairs of groups (Bonferroni), since the pair is chosen by its values.

    Args:
        tables: the three tables of a run.
        by: column of the images table, e.g. "skin_tone"; images without a value are left out.
        rows: scores to measure; by default all.
        fewest: patients needed on each side; smaller groups are listed as too small.
        level: confidence level.

    Returns:
        One row per group and number, and one per gap, columns as `SUBGROUP_COLUMNS`.

    Raises:
        UnknownNameError: no such column or row.
    """
    if by not in tables.images:
        raise UnknownNameError("column of the images", by, map(str, tables.images.columns))
    clean = tables.scores["corruption"] == CLEAN
    own = RunTables(tables.scores[clean], tables.fits, tables.images)
    column = own.images[by]
    labels = column.astype(str).where(column.notna() & (column.astype(str) != ""))
    layout = Layout(own)
    groups = [
        _Subgroup(own, str(name), layout.within((labels == name).to_numpy(dtype=bool)))
        for name in _names(labels)
    ]
    records = [
        {"by": by, **record}
        for row in _chosen(layout, rows)
        for record in _row_records(row, groups, fewest, level)
    ]
    return pd.DataFrame(records, columns=list(SUBGROUP_COLUMNS)).astype(SUBGROUP_COLUMNS)


def _names(labels: "pd.Series[str]") -> list[str]:
    return sorted(labels.dropna().unique())


def _chosen(layout: Layout, rows: Sequence[str]) -> Sequence[str]:
    known = [row.score for row in layout.rows]
    for row in rows:
        if row not in known:
            raise UnknownNameError("row", row, known)
    return rows or known


class _Subgroup:
    """The numbers of one group of images."""

    def __init__(self, tables: RunTables, name: str, layout: Layout) -> None:
        self.name = name
        self._aurocs = RunAurocs(tables, layout=layout)
        self._shares = RunShares(tables, layout=layout)

    def numbers(self, row: str) -> Iterator[tuple[tuple[str, str, str], Measured]]:
        """Metric, role and relation of each number, and the number."""
        for role, relation in self._aurocs.groups():
            asked = Quantity(row, role=role, relation=relation)
            yield ("auroc", role, relation), self._aurocs.measured(asked)
        for group in self._shares.groups("sensitivity"):
            role, relation, _ = group
            number = self._shares.measured(row, "sensitivity", group)
            yield ("sensitivity", role, relation), number


def _row_records(
    row: str, groups: Sequence[_Subgroup], fewest: int, level: float
) -> Iterator[dict[str, Any]]:
    usable: dict[tuple[str, str, str], list[Measured]] = {}
    for group in groups:
        for key, number in group.numbers(row):
            own = number.patients
            reason = own.reasons[0] or _too_small(key[0], own, fewest)
            if not reason:
                usable.setdefault(key, []).append(number)
            yield _record(row, group.name, key, own, _estimate(key[0], own, reason, level))
    for key, numbers in usable.items():
        if len(numbers) > 1:
            ranked = sorted(numbers, key=lambda number: number.value[0])
            pairs = len(numbers) * (len(numbers) - 1) / 2
            gap = ranked[-1].minus(ranked[0])
            estimate = paired_difference(ranked[-1], ranked[0], 1 - (1 - level) / pairs)[0]
            yield _record(row, GAP, key, gap.patients, estimate)


def _too_small(metric: str, number: Influence, fewest: int) -> str:
    """Why a group is too small; empty if it is large enough."""
    target, other = (int(side[0]) for side in number.patients)
    sides = [(target, "target")] + [(other, "other")] * (metric == "auroc")
    few = [f"{count} {side} patients" for count, side in sides if count < fewest]
    return f"too small: {', '.join(few)}; {fewest} needed" if few else ""


def _estimate(metric: str, number: Influence, reason: str, level: float) -> Estimate:
    if reason:
        return Estimate(np.nan, reason=reason)
    estimate = number.area_estimates(level)[0]
    method = METHOD if metric == "sensitivity" else estimate.method
    return replace(estimate, method=method)


def _record(
    row: str, group: str, key: tuple[str, str, str], number: Influence, estimate: Estimate
) -> dict[str, Any]:
    metric, role, relation = key
    target, other = (int(side[0]) for side in number.patients)
    return {
        "group": group,
        "row": row,
        "metric": metric,
        "role": role,
        "relation": relation,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "method": estimate.method,
        "reason": estimate.reason,
        "caution": estimate.caution,
        "target_patients": target,
        "other_patients": other,
    }
