"""The swap test: does a detector know its class?"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS", "signal_lines"]


def _data(page: Page) -> dict[str, Any] | None:
    lines = signal_lines(page.results.class_signal, page.board)
    return {"signals": lines} if lines else None


def signal_lines(table: pd.DataFrame, board: Leaderboard) -> list[dict[str, Any]]:
    """Lines of the swap test in the order of the leaderboard; places in percent of an AUROC."""
    place = {entry.row: k for k, entry in enumerate(board.entries)}
    lines = []
    for line in table.to_dict("records"):
        entry = board.entries[place[line["row"]]] if line["row"] in place else None
        bounded = np.isfinite(line["low"])
        lines.append(
            {
                "row": line["row"],
                "headline": entry is None or entry.headline,
                "control": entry is not None and entry.control,
                "group": _signal_group(line),
                "swap": line["swap"],
                "auroc": rounded(line["auroc"]),
                "auroc_swap": rounded(line["auroc_swap"]),
                "text": interval_text(line),
                "place": 0.0 if line["reason"] else round(line["value"] * 100, 1),
                "low": round(line["low"] * 100, 1) if bounded else None,
                "high": round(line["high"] * 100, 1) if bounded else None,
                "over_control": _over_control(line),
                "note": line["note"],
                "reason": line["reason"],
                "refits": "n/a" if np.isnan(line["null_limit"]) else f"±{line['null_limit']:.3f}",
                "seeds": line["seeds"],
            }
        )
    return sorted(lines, key=lambda line: place.get(line["row"], len(place)))


def _signal_group(line: Mapping[Hashable, Any]) -> str:
    if line["role"] == "swap":
        return "the swap category itself"
    return Group(line["role"], line["relation"]).label


def _over_control(line: Mapping[Hashable, Any]) -> str:
    """Over which control a class signal leads least clearly, by how much, and which are missing."""
    said = [f"{interval_text(line, 'over_control', 'over_')} ({line['control']})"]
    lacking = [f"no class signal of {line['not_compared']}"]
    parts = said * bool(line["control"]) + lacking * bool(line["not_compared"])
    return "; ".join(parts) or "–"


SECTIONS = (
    Section(
        id="class_signal",
        title="Swap test",
        nav="Swap test",
        order=70,
        data=_data,
        template="class_signal.html.j2",
    ),
)
