"""When the images get worse: curves, conditions, and robustness in one number."""

from collections.abc import Hashable, Sequence
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
    chosen = chosen[(chosen["corruption"] == "*") | (chosen["metric"] == "worst_auroc")]
    whole: dict[str, dict[str, dict[Hashable, Any]]] = {}  # by row and metric
    lowest: dict[str, dict[Hashable, Any]] = {}  # by row
    for line in chosen.to_dict("records"):
        if line["metric"] == "worst_auroc":
            lowest[str(line["row"])] = line
        else:
            whole.setdefault(str(line["row"]), {})[str(line["metric"])] = line
    lines = []
    reasons: dict[str, None] = {}
    for row in rows:
        overall, worst = whole.get(row, {}), lowest.get(row)
        if not overall or worst is None:
            continue
        ratios = [
            overall[metric]["reason"] for metric in ("ce", "relative_ce") if metric in overall
        ]
        reasons |= dict.fromkeys(str(why) for why in ratios if why)
        area, mce, relative_mce = (
            interval_text(overall[metric]) if metric in overall else "n/a"
            for metric in ("degradation_area", "ce", "relative_ce")
        )
        lines.append(
            {
                "row": row,
                "area": area,
                "worst": f"{interval_text(worst)} ({str(worst['corruption']).replace('_', ' ')})",
                "mce": mce,
                "relative_mce": relative_mce,
            }
        )
    return lines, tuple(reasons)


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
