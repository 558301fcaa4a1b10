"""What the leaderboard says of skin tone: the AUROC of the worst tone, and the gap to the best."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.statistics.core.estimate import Estimate as Difference
from mimbench.statistics.tables.subgroups import GAP

__all__ = ["ToneGap", "tone_gaps"]


@dataclass(frozen=True)
class ToneGap:
    """How a row's clean AUROC differs between skin tones with enough patients.

    Attributes:
        worst: the lowest AUROC.
        gap: the highest minus the lowest.
    """

    worst: Difference
    gap: Difference


def tone_gaps(tones: pd.DataFrame) -> Mapping[str, Mapping[Group, ToneGap]]:
    """The gap of each row and group of categories, where two tones or more are large enough.

    Args:
        tones: as `mimbench.statistics.tables.subgroups.subgroup_table` makes it.
    """
    found: dict[str, dict[Group, ToneGap]] = {}
    measured = tones[(tones["metric"] == "auroc") & np.isfinite(tones["value"])]
    for (row, role, relation), lines in measured.groupby(["row", "role", "relation"], sort=False):
        gap = lines[lines["group"] == GAP]
        if len(gap):
            parts = lines[lines["group"] != GAP]
            worst = parts.loc[parts["value"].idxmin()]
            group = Group(str(role), str(relation))
            lowest = replace(_estimate(worst), caution=_chosen(worst, len(parts)))
            own = ToneGap(lowest, _estimate(gap.iloc[0]))
            found.setdefault(str(row), {})[group] = own
    return found


def _chosen(line: "pd.Series[float]", count: int) -> str:
    """The caution of an interval whose tone was chosen because its value is the lowest."""
    chosen = f"the lowest of {count} tones, chosen by its value, so that its interval is too high"
    return "; ".join(part for part in (str(line["caution"]), chosen) if part)


def _estimate(line: "pd.Series[float]") -> Difference:
    ends = float(line["low"]), float(line["high"])
    return Difference(float(line["value"]), *ends, caution=str(line["caution"]))
