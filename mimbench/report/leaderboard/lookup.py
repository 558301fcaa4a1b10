"""The metrics table as a lookup: which number, with which interval, over how many patients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.statistics.core.cautions import MARK, mark_of

__all__ = [
    "CLEAN_CELL",
    "MEAN_CELL",
    "Estimate",
    "Estimates",
    "Measure",
    "interval_text",
    "rounded",
    "share_text",
]

CLEAN_CELL = ("clean", 0)
MEAN_CELL = ("*", -1)


@dataclass(frozen=True)
class Measure:
    """Where an estimate is in the metrics table.

    Attributes:
        metric: name, see `mimbench.statistics.tables.metrics`.
        condition: corruption and severity.
        protocol: which images are corrupted.
        kind: what it is in a sentence that says why it is missing.
    """

    metric: str
    condition: tuple[str, int] = CLEAN_CELL
    protocol: str = "both"
    kind: str = "AUROC"


@dataclass(frozen=True)
class Estimate:
    """One number of the metrics table; NaN with a reason where it is not available."""

    value: float
    low: float
    high: float
    method: str
    reason: str
    n_target: int
    n_target_patients: int
    n_other: int
    n_other_patients: int
    n_fits: int
    fold_sd: float
    seed_sd: float
    caution: str

    @property
    def exists(self) -> bool:
        """Whether there is a number at all."""
        return bool(np.isfinite(self.value))

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval around the number."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def text(self) -> str:
        """E.g. "0.72 [0.64, 0.80]", "0.72", or "n/a"."""
        if not self.exists:
            return "n/a"
        return f"{rounded(self.value)} {self.interval}".rstrip()

    @property
    def interval(self) -> str:
        """E.g. "[0.64, 0.80]", marked where it covers too little, or nothing."""
        if not self.has_interval:
            return ""
        return f"[{rounded(self.low)}, {rounded(self.high)}]" + mark_of(self.caution)


def rounded(value: float) -> str:
    """Two decimals, without a minus sign before zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def interval_text(line: Mapping[Any, Any], value: str = "value", prefix: str = "") -> str:
    """Value and interval of one record, e.g. "0.72 [0.64, 0.80]"; "n/a" for NaN."""
    if np.isnan(line[value]):
        return "n/a"
    low, high = line[f"{prefix}low"], line[f"{prefix}high"]
    mark = mark_of(line.get("caution", ""))
    ends = f" [{rounded(low)}, {rounded(high)}]{mark}" if np.isfinite(low) else ""
    return rounded(line[value]) + ends


def share_text(line: Mapping[Any, Any]) -> str:
    """A share of the operating table with its interval, or the range over fits that disagree."""
    if not line.get("caution", "") or np.isnan(line["value"]):
        return interval_text(line)
    ends = " to ".join(rounded(line[end]) for end in ("lowest", "highest"))
    return f"{rounded(line['value'])} (fits: {ends}){MARK}"


_FIELDS = tuple(Estimate.__annotations__)
_KEY = ("row", "role", "relation", "metric", "corruption", "severity", "protocol")


class Estimates:
    """Means over the categories of a group, by row, group, metric, condition and protocol.

    Conditions are clean images and means over severities; nothing asks for a single severity.
    """

    def __init__(self, metrics: pd.DataFrame) -> None:
        means = metrics[(metrics["category"] == "") & (metrics["severity"] <= 0)]
        keys = zip(*(means[name].tolist() for name in _KEY), strict=True)
        columns = (means[name].tolist() for name in _FIELDS)
        self._cells = dict(zip(keys, zip(*columns, strict=True), strict=True))

    def get(self, row: str, group: Group, measure: Measure) -> Estimate | None:
        """The estimate, or None where the metrics table has no such row."""
        place = (measure.metric, *measure.condition, measure.protocol)
        found = self._cells.get((row, group.role, group.relation, *place))
        return Estimate(*found) if found is not None else None
