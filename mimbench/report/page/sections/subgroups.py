"""The same numbers within groups of images."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.report.page.sections.section import Page, table_section

__all__ = ["SECTIONS"]

SUBGROUP_MEASURES = {"auroc": "AUROC"}
SIDES = {
    "no ID images": "no target images in this group",
    "no OOD images": "no other images in this group",
}


def _table(page: Page) -> pd.DataFrame:
    """Lines of subgroups.csv (`mimbench.report.subgroups`), text already."""
    table = page.run.extras.get("subgroups", pd.DataFrame())
    controls = {entry.row for entry in page.board.entries if entry.control}
    return pd.DataFrame(
        {
            "score": f"{line['row']} (control)" if line["row"] in controls else line["row"],
            "measure": SUBGROUP_MEASURES.get(line["metric"], line["metric"]),
            "other images": "–" if line["metric"] == "sensitivity" else _group(line),
            "group": f"{str(line['by']).replace('_', ' ')}: {line['group']}",
            "value [95 % interval]": SIDES.get(value, value),
            "target patients": line["target_patients"],
            "other patients": "–" if line["metric"] == "sensitivity" else line["other_patients"],
        }
        for line in table.to_dict("records")
        if (value := str(line["value_and_95_interval"]))
    )


def _group(line: Mapping[Any, Any]) -> str:
    return Group(str(line["role"]), str(line["relation"])).label


SECTIONS = (
    table_section(
        id="subgroups",
        nav="Subgroups",
        order=160,
        title="Subgroups",
        words=(
            "The same numbers within groups of images: does a group do worse? AUROC compares "
            "the target and other images of a group; sensitivity is the share of its target images "
            "that are accepted at the frozen threshold. Gap: best minus worst group."
        ),
        table=_table,
    ),
)
