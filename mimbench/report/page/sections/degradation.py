"""When the images get worse: curves, conditions, and robustness in one number."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mimbench.report.figures.degradation import MANY, PROTOCOLS
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.lookup import interval_text
from mimbench.report.leaderboard.notes import corruption_note
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS", "robustness_lines"]


def _data(page: Page) -> dict[str, Any] | None:
    if len(page.payload["corruptions"]) <= 1:
        return None
    robustness, no_ratio = robustness_lines(page.results.robustness, page.board, page.rows)
    return {
        "payload": page.payload,
        "claimed": any(own.headline for own in page.verdicts),
        "many": len(page.payload["corruptions"]) > MANY,
        "protocols": PROTOCOLS,
        "corruption_note": corruption_note(page.board),
        "robustness": robustness,
        "no_ratio": no_ratio,
    }


def robustness_lines(
    robustness: pd.DataFrame, board: Leaderboard, rows: Sequence[str]
) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """Summaries of degradation on the primary group, both sides corrupted.

    Returns:
        One line per row, and why some of their numbers are not available, each reason once.
    """
    if board.primary is None:
        return [], ()
    chosen = robustness[
        (robustness["question"] == "detection")
        & (robustness["role"] == board.primary.role)
        & (robustness["relation"] == board.primary.relation)
        & (robustness["category"] == "")
        & (robustness["protocol"] == "both")
    ]
    lines = []
    reasons: dict[str, None] = {}
    for row in rows:
        own = chosen[chosen["row"] == row]
        overall = own[own["corruption"] == "*"].set_index("metric")
        worst = own[own["metric"] == "worst_auroc"]
        if overall.empty or worst.empty:
            continue
        name = str(worst["corruption"].iloc[0]).replace("_", " ")
        ratios = overall.loc[overall.index.isin(["ce", "relative_ce"]), "reason"]
        reasons |= dict.fromkeys(str(why) for why in ratios if why)
        lines.append(
            {
                "row": row,
                "area": _estimate(overall, "degradation_area"),
                "worst": f"{_estimate(worst.set_index('metric'), 'worst_auroc')} ({name})",
                "mce": _estimate(overall, "ce"),
                "relative_mce": _estimate(overall, "relative_ce"),
            }
        )
    return lines, tuple(reasons)


def _estimate(table: pd.DataFrame, metric: str) -> str:
    """Value with interval of one metric."""
    if metric not in table.index:
        return "n/a"
    return interval_text(table.loc[[metric]].to_dict("records")[0])


SECTIONS = (
    Section(
        id="degradation",
        title="When the images get worse",
        nav="Worse images",
        order=30,
        open=True,
        data=_data,
        template="degradation.html.j2",
    ),
)
