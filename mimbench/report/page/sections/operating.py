"""What the frozen threshold does: points of the ROC curves and lines of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import rounded, share_text
from mimbench.scores.tables import CLEAN

__all__ = ["OperatingLine", "operating_lines", "operating_points"]


@dataclass(frozen=True)
class OperatingLine:
    """One score at its frozen threshold.

    Attributes:
        sensitivity: share of target images accepted, as text with its interval.
        lowest: the lowest sensitivity under corruption, and where.
        specificity: share of other images refused, by group, as text with its interval.
    """

    row: str
    sensitivity: str
    lowest: str
    specificity: tuple[str, ...]


def operating_points(
    operating: pd.DataFrame, groups: Sequence[Group]
) -> dict[tuple[str, Group], tuple[float, float]]:
    """Shares of clean target and other images refused at the frozen threshold, by row and group."""
    clean = operating[(operating["corruption"] == CLEAN) & operating["value"].notna()]
    points = {}
    for group in groups:
        side = group.role if group.external else "target"
        accepted = _sensitivity(clean, side).set_index("row")["value"]
        refused = _specificity(clean, group)
        for row, value in zip(refused["row"], refused["value"], strict=True):
            if row in accepted:
                points[str(row), group] = (1 - float(accepted[row]), float(value))
    return points


def operating_lines(
    operating: pd.DataFrame, groups: Sequence[Group], rows: Sequence[str]
) -> tuple[list[OperatingLine], str]:
    """Lines for `rows` that have a threshold; and why there is none for the first that has not."""
    lines, reason = [], ""
    for row in rows:
        own = operating[operating["row"] == row]
        clean = own[own["corruption"] == CLEAN]
        accepted = _sensitivity(clean)
        if accepted["value"].isna().all():
            reason = reason or str(next(iter(accepted["reason"]), "no clean scores"))
            continue
        corrupted = _sensitivity(own[own["corruption"] != CLEAN]).dropna(subset="value")
        lines.append(
            OperatingLine(
                row=row,
                sensitivity=_text(accepted),
                lowest=_lowest(corrupted),
                specificity=tuple(_text(_specificity(clean, group)) for group in groups),
            )
        )
    return lines, reason


def _sensitivity(table: pd.DataFrame, role: str = "target") -> pd.DataFrame:
    return table[(table["metric"] == "sensitivity") & (table["role"] == role)]


def _specificity(table: pd.DataFrame, group: Group) -> pd.DataFrame:
    return table[
        (table["metric"] == "specificity")
        & (table["role"] == group.role)
        & (table["relation"] == group.relation)
        & (table["category"] == "")
    ]


def _text(table: pd.DataFrame) -> str:
    return share_text(table.to_dict("records")[0]) if len(table) else "n/a"


def _lowest(corrupted: pd.DataFrame) -> str:
    if corrupted.empty:
        return "n/a"
    worst = corrupted.sort_values("value", kind="stable").iloc[0]
    place = str(worst["corruption"]).replace("_", " ")
    return f"{rounded(worst['value'])} ({place}, severity {worst['severity']})"
