"""Skin tone: the numbers of each tone side by side, where the images say it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text
from mimbench.report.page.sections.section import Page, table_section
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS, GAP

__all__ = ["SECTIONS"]

_MEASURES = {"auroc": "AUROC", "sensitivity": "sensitivity"}


def _table(page: Page) -> pd.DataFrame:
    """One line per score, measure and group of other images; one column per tone.

    Scores that have no number at all of a measure and group, for the same reasons, share a line.
    """
    tones = page.results.skin_tone
    controls = {entry.row for entry in page.board.entries if entry.control}
    groups = [name for name in tones["group"].unique() if name != GAP]
    lines: list[dict[str, str]] = []
    keys = ["metric", "role", "relation"]
    alike: dict[tuple[str, ...], list[str]] = {}
    for (metric, role, relation, row), part in tones.groupby([*keys, "row"], sort=False):
        cells = {str(line["group"]): _cell(line) for line in part.to_dict("records")}
        other = "–" if metric == "sensitivity" else Group(str(role), str(relation)).label
        key = (_MEASURES[str(metric)], other, *(cells.get(name, "–") for name in (*groups, GAP)))
        name = f"{row} (control)" if row in controls else str(row)
        if part["value"].notna().any():
            key = (*key, name)  # only lines without a number are shared
        alike.setdefault(key, []).append(name)
    for (measure, other, *texts), rows in alike.items():
        numbers = dict(zip((*groups, "gap"), texts, strict=False))
        lines.append(
            {"score": ", ".join(rows), "measure": measure, "other images": other, **numbers}
        )
    return pd.DataFrame(lines)


def _cell(line: Mapping[Any, Any]) -> str:
    if np.isnan(line["value"]):
        return "too small" if str(line["reason"]).startswith("too small") else "–"
    return interval_text(line)


def _small(page: Page) -> Sequence[str]:
    """Which tones are too small, with their patients."""
    tones = page.results.skin_tone
    if tones.empty:
        return ()
    sides = tones[tones["group"] != GAP].groupby("group")[["target_patients", "other_patients"]]
    most = sides.max()
    few = most[(most < FEWEST_PATIENTS).any(axis=1)]
    named = [
        f"{tone} ({line.target_patients} target and {line.other_patients} other patients)"
        for tone, line in zip(few.index, few.itertuples(), strict=True)
    ]
    if not named:
        return ()
    return (
        f"Too small to be measured: {', '.join(named)}; an AUROC needs {FEWEST_PATIENTS} on each "
        "side.",
    )


SECTIONS = (
    table_section(
        id="skin_tone",
        nav="Skin tone",
        order=155,
        title="Skin tone",
        words=(
            "Does a detector do worse on some skin tones? AUROC compares the target and other "
            "images of one tone; sensitivity is the share of its target images that are accepted "
            "at the frozen threshold. Clean images, 95 % intervals. Gap: best minus worst tone "
            "of those with enough patients. Its interval allows for the choice of the pair. "
            "Images whose tone is not known are left out."
        ),
        table=_table,
        findings=_small,
    ),
)
