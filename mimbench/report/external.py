"""The external test in words and lines: for the page, and for the terminals of run and score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench.report.estimates import interval_text
from mimbench.statistics.cautions import legend
from mimbench.statistics.external import ExternalTest

__all__ = ["ExternalLine", "external_frame", "external_lines", "external_notes", "external_table"]

MOST_NAMED = 8  # categories in a sentence
WIDTH = 100


@dataclass(frozen=True)
class ExternalLine:
    """One score on external images; cells are numbers with intervals, or "n/a".

    Attributes:
        relation: of the other images to the source of the external target images.
    """

    row: str
    control: bool
    relation: str
    auroc: str
    sensitivity: str
    specificity: str
    drift: str


def external_lines(test: ExternalTest) -> list[ExternalLine]:
    """Lines by AUROC, the highest first; rows without one by sensitivity and by name below."""
    operating, drift = test.operating, test.drift.set_index("row")
    found = []
    for line in test.auroc.to_dict("records"):
        own = operating[operating["row"] == line["row"]]
        sensitivity = _record(own[own["metric"] == "sensitivity"])
        here = (own["metric"] == "specificity") & (own["category"] == "")
        if line["relation"]:
            here &= own["relation"] == line["relation"]
        specificity = _record(own[here])
        cells = ExternalLine(
            str(line["row"]),
            bool(line["control"]),
            str(line["relation"]).replace("-", " "),
            interval_text(line, "auroc"),
            interval_text(sensitivity),
            interval_text(specificity),
            interval_text(drift.loc[str(line["row"])].to_dict(), "drift"),
        )
        place = [
            np.nan_to_num(-value, nan=np.inf) for value in (line["auroc"], sensitivity["value"])
        ]
        found.append(((*place, cells.row, cells.relation), cells))
    return [cells for _, cells in sorted(found, key=lambda pair: pair[0])]


def _record(rows: pd.DataFrame) -> Mapping[Any, Any]:
    return rows.to_dict("records")[0] if len(rows) else {"value": np.nan}


def external_notes(test: ExternalTest) -> list[str]:
    """Which patients stand on which side, what the numbers mean, and which are not available."""
    target, other = _side(test, "target"), _side(test, "other")
    unlabelled, validation = _side(test, "unlabelled"), _side(test, "validation")
    named = str(validation["category"].iloc[0]) if len(validation) else "target"
    notes = []
    if len(target) or len(other):
        sides = " against ".join(
            [
                f"{_counted(target)} of {named}" if len(target) else f"no image of {named}",
                f"{_counted(other)} of {_categories(other)}" if len(other) else "no other image",
            ]
        )
        notes.append(
            f"External images alone: {sides}. Thresholds and drift: {_counted(validation)} of "
            f"{named} that validated the run's trainings."
        )
    if len(unlabelled):
        notes.append(
            f"Unlabelled: {_counted(unlabelled)}. Each has a verdict; none enters a sensitivity, "
            "specificity or AUROC."
        )
    return [*notes, *_not_available(test), *_meaning(test)]


def _side(test: ExternalTest, side: str) -> pd.DataFrame:
    return test.sides[test.sides["side"] == side]


def _counted(rows: pd.DataFrame) -> str:
    images, patients = int(rows["images"].sum()), int(rows["patients"].sum())
    return f"{images} image{'s' * (images != 1)} of {patients} patient{'s' * (patients != 1)}"


def _categories(rows: pd.DataFrame) -> str:
    names = [f"{name} ({n})" for name, n in zip(rows["category"], rows["images"], strict=True)]
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join(names[:MOST_NAMED] + more)


def _not_available(test: ExternalTest) -> list[str]:
    """What has no number in any row, with the reasons."""
    parts = []
    specific = test.operating[test.operating["metric"] == "specificity"]
    for name, table, column in (
        ("AUROC", test.auroc, "auroc"),
        ("sensitivity", test.operating[test.operating["metric"] == "sensitivity"], "value"),
        ("specificity", specific, "value"),
        ("drift", test.drift, "drift"),
    ):
        if table[column].notna().any():
            continue
        reasons = sorted(set(table["reason"])) or ["no such images"]
        parts.append((name, "; ".join(reasons)))
    by_reason: dict[str, list[str]] = {}
    for name, reason in parts:
        by_reason.setdefault(reason, []).append(name)
    return [f"Not available: {', '.join(names)} ({why})." for why, names in by_reason.items()]


def _meaning(test: ExternalTest) -> list[str]:
    cautions = pd.concat([test.auroc["caution"], test.drift["caution"]])
    said = [
        "Sensitivity and specificity: at the thresholds frozen on validation images of the run."
    ] * bool(test.operating["value"].notna().any())
    said += [
        "Drift: AUROC of external against validation target images; 0.5 is none, above it external "
        "target images look less like the target."
    ] * bool(test.drift["drift"].notna().any())
    marked = legend(cautions)
    return said + [marked] * bool(marked)


def external_frame(test: ExternalTest) -> pd.DataFrame:
    """The lines as a table of words, for the page."""
    lines = external_lines(test)
    several = len({line.relation for line in lines}) > 1
    return pd.DataFrame(
        {
            "score": f"{line.row} (control)" if line.control else line.row,
            **({"other images": line.relation} if several else {}),
            "AUROC": line.auroc,
            "sensitivity": line.sensitivity,
            "specificity": line.specificity,
            "drift (0.5: none)": line.drift,
        }
        for line in lines
    )


def external_table(test: ExternalTest, name: str) -> RenderableType:
    """The lines on a terminal, within 100 columns, and what to know about them."""
    lines = external_lines(test)
    several = len({line.relation for line in lines}) > 1
    table = Table(
        title=f"External test of {name}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        width=WIDTH,
    )
    table.add_column("score", overflow="fold")
    table.add_column("", no_wrap=True)
    counts = {side: _side(test, side)[["images", "patients"]].sum() for side in ("target", "other")}
    n_target, n_other = (f"{n['images']} / {n['patients']}" for n in counts.values())
    heads = ["AUROC ▼", f"sensitivity\nn {n_target}", f"specificity\nn {n_other}"]
    for head in [*(["other images"] * several), *heads, "drift\n0.5: none"]:
        table.add_column(head, justify="right", no_wrap=True)
    for line in lines:
        cells = [line.relation] * several
        cells += [line.auroc, line.sensitivity, line.specificity, line.drift]
        style = "dim" if line.control else ""
        kind = "c" if line.control else ""
        table.add_row(Text(line.row), Text(kind), *map(Text, cells), style=style)
    notes = ["Values with 95 % intervals; n is images / patients."]
    notes += ["c control: a row that cannot know the target."] * any(x.control for x in lines)
    return Lines(table, *(Text(note) for note in [*notes, *external_notes(test)]))
