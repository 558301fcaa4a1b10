"""At a frozen threshold: sensitivity and specificity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import rounded, share_text
from mimbench.report.page.sections.section import Page, Section
from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.cautions import legend

__all__ = ["SECTIONS", "OperatingLine", "operating_lines"]


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


def _data(page: Page) -> dict[str, Any] | None:
    groups = [group for group in page.board.groups if not group.external]
    table = page.results.operating
    lines, reason = operating_lines(table, groups, page.rows)
    if not lines and not reason:
        return None
    return {
        "operating": lines,
        "no_threshold": reason,
        "own_groups": groups,
        "disagreeing": legend(table.loc[table["corruption"] == CLEAN, "caution"]),
    }


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


def _sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["metric"] == "sensitivity") & (table["role"] == "target")]


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


SECTIONS = (
    Section(
        id="operating",
        title="At a frozen threshold",
        nav="Threshold",
        order=90,
        data=_data,
        template="operating.html.j2",
    ),
)
