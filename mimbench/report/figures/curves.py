"""Long tables that figures and the page draw: degradation curves and category cells."""

from collections.abc import Sequence

import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.scores.tables import CLEAN

__all__ = ["ALL_CORRUPTIONS", "category_cells", "degradation_curves"]

ALL_CORRUPTIONS = "mean of all"
_COLUMNS = ["row", "corruption", "severity", "value", "low", "high"]


def degradation_curves(
    metrics: pd.DataFrame, group: Group, protocol: str, rows: Sequence[str]
) -> pd.DataFrame:
    """AUROC by row, corruption and severity; severity 0 is the clean value of the row.

    A first panel, `ALL_CORRUPTIONS`, averages the corruptions at each severity where all of them
    were measured; it has no interval.
    """
    chosen = metrics[
        (metrics["question"] == "detection")
        & (metrics["role"] == group.role)
        & (metrics["relation"] == group.relation)
        & (metrics["category"] == "")
        & (metrics["metric"] == "auroc")
        & metrics["row"].isin(rows)
    ]
    clean = chosen[(chosen["corruption"] == CLEAN) & (chosen["protocol"] == "both")]
    corrupted = chosen[(chosen["severity"] > 0) & (chosen["protocol"] == protocol)]
    names = list(dict.fromkeys(corrupted["corruption"]))
    starts = [clean.assign(corruption=name) for name in names]
    curves = pd.concat([*starts, corrupted], ignore_index=True)[_COLUMNS]
    if len(names) < 2:
        return curves
    count = curves.groupby(["row", "severity"], observed=True)["value"].transform("size")
    complete = curves[count == len(names)]
    mean = complete.groupby(["row", "severity"], as_index=False, observed=True)["value"].mean()
    mean = mean.assign(corruption=ALL_CORRUPTIONS, low=float("nan"), high=float("nan"))
    together: pd.DataFrame = pd.concat([mean[_COLUMNS], curves], ignore_index=True)
    return together


def category_cells(
    metrics: pd.DataFrame, groups: Sequence[Group], rows: Sequence[str]
) -> pd.DataFrame:
    """Clean AUROC by category and row, in the order of groups and names.

    Returns:
        The metrics rows with `group` (label of the group) and `label` (category and its n).
    """
    cells = metrics[
        (metrics["question"] == "detection")
        & (metrics["category"] != "")
        & (metrics["corruption"] == CLEAN)
        & (metrics["protocol"] == "both")
        & (metrics["metric"] == "auroc")
        & metrics["row"].isin(rows)
    ]
    parts = [cells.assign(group="", label="").iloc[:0]]  # there is one even without groups
    for group in groups:
        part = cells[(cells["role"] == group.role) & (cells["relation"] == group.relation)]
        part = part.sort_values("category", kind="stable")
        label = [
            f"{name} ({images} images, {patients} pat.)"
            for name, images, patients in part[
                ["category", "n_other", "n_other_patients"]
            ].itertuples(index=False)
        ]
        parts.append(part.assign(group=group.label, label=label))
    return pd.concat(parts, ignore_index=True)
