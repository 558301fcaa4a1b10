"""The external test in words and lines: for the page, and for the terminals of run and score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench.report.leaderboard.lookup import interval_text, share_text
from mimbench.scores.tables import UNLABELLED
from mimbench.statistics.core.cautions import legend
from mimbench.statistics.tables.external import NO_OTHERS, NO_TARGET, ExternalTest
from mimbench.text import counted

__all__ = ["ExternalLine", "external_frame", "external_lines", "external_notes", "external_table"]

MOST_NAMED = 8  # categories in a sentence
WIDTH = 100
MOST_ON_ONE_LINE = 4  # columns; with more, intervals go below their values
NO_NUMBER = "n/a"
SIDES = ("target", "other")


@dataclass(frozen=True)
class ExternalLine:
    """One score on external images; cells are numbers with intervals, or "n/a".

    Attributes:
        relation: of the other images to the source of the external target images.
        accepted: of how many unlabelled images most fits call target; "n/a" without a threshold.
    """

    row: str
    control: bool
    relation: str
    auroc: str
    sensitivity: str
    specificity: str
    drift: str
    accepted: str


def external_lines(test: ExternalTest) -> list[ExternalLine]:
    """Lines by AUROC, the highest first; rows without one by sensitivity and by name below."""
    operating, drift = test.operating, test.drift.set_index("row")
    accepted = _accepted(test)
    found = []
    for line in test.auroc.to_dict("records"):
        row = str(line["row"])
        own = operating[operating["row"] == row]
        sensitivity = _record(own[own["metric"] == "sensitivity"])
        here = (own["metric"] == "specificity") & (own["category"] == "")
        if line["relation"]:
            here &= own["relation"] == line["relation"]
        cells = ExternalLine(
            row=row,
            control=bool(line["control"]),
            relation=str(line["relation"]).replace("-", " "),
            auroc=interval_text(line, "auroc"),
            sensitivity=share_text(sensitivity),
            specificity=share_text(_record(own[here])),
            drift=interval_text(drift.loc[row].to_dict(), "drift"),
            accepted=accepted.get(row, NO_NUMBER),
        )
        values = line["auroc"], sensitivity["value"]
        place = [np.nan_to_num(-value, nan=np.inf) for value in values]
        found.append(((*place, row, cells.relation), cells))
    return [cells for _, cells in sorted(found, key=lambda pair: pair[0])]


def _record(rows: pd.DataFrame) -> Mapping[Any, Any]:
    return rows.to_dict("records")[0] if len(rows) else {"value": np.nan}


def _accepted(test: ExternalTest) -> dict[str, str]:
    """How many unlabelled images each row's fits call target, most of them."""
    unlabelled = test.verdicts[test.verdicts["category"] == UNLABELLED]
    unlabelled = unlabelled.drop_duplicates(["row", "image_id"]).dropna(subset="accepted")
    shares = unlabelled.groupby("row")["accepted"]
    return {str(row): f"{(own > 0.5).sum()} of {len(own)}" for row, own in shares}


def external_notes(test: ExternalTest) -> list[str]:
    """Which patients stand on which side, what the numbers mean, and which are not available."""
    target, other = _side(test, "target"), _side(test, "other")
    unlabelled, validation = _side(test, "unlabelled"), _side(test, "validation")
    named = str(validation["category"].iloc[0]) if len(validation) else "target"
    notes = []
    if len(target) or len(other):
        sides = [_counted(target, named) if len(target) else f"no image of {named}"]
        sides += [_counted(other, _categories(other)) if len(other) else "no other image"]
        notes.append(
            f"External images alone: {' against '.join(sides)}. Thresholds and drift: "
            f"{_counted(validation, named)} on which the run's trainings were validated."
        )
    if len(unlabelled):
        notes.append(
            f"Unlabelled: {_counted(unlabelled, 'no category')}. They enter no sensitivity, "
            "specificity or AUROC."
        )
    return [*notes, *_not_available(test), *_meaning(test)]


def _side(test: ExternalTest, side: str) -> pd.DataFrame:
    return test.sides[test.sides["side"] == side]


def _counted(rows: pd.DataFrame, what: str) -> str:
    images, patients = int(rows["images"].sum()), int(rows["patients"].sum())
    return f"{counted(images, 'image')} of {what} ({counted(patients, 'patient')})"


def _categories(rows: pd.DataFrame) -> str:
    names = list(rows["category"])
    if len(names) == 1:
        return str(names[0])
    numbers = [f"{name} {n}" for name, n in zip(names, rows["images"], strict=True)]
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return f"{len(names)} other categories: {', '.join(numbers[:MOST_NAMED] + more)}"


def _not_available(test: ExternalTest) -> list[str]:
    """What has no number in any row, with the reasons."""
    metric = test.operating["metric"]
    tables = {
        "AUROC": (test.auroc, "auroc", ""),
        "sensitivity": (test.operating[metric == "sensitivity"], "value", NO_TARGET),
        "specificity": (test.operating[metric == "specificity"], "value", NO_OTHERS),
        "drift": (test.drift, "drift", ""),
    }
    if not (len(_side(test, "target")) or len(_side(test, "other"))):
        tables.clear()
    tables["verdicts"] = (test.verdicts, "accepted", "")
    silent = set(test.verdicts.loc[test.verdicts["value"].isna(), "row"])
    by_reason: dict[str, list[str]] = {}
    for name, (table, column, absent) in tables.items():
        if table[column].isna().all():
            scored = table[~table["row"].isin(silent)]
            reasons = scored["reason"] if len(scored) else table["reason"]
            reason = "; ".join(sorted(set(reasons))) or absent
            by_reason.setdefault(reason, []).append(name)
    return [f"Not available: {', '.join(names)} ({why})." for why, names in by_reason.items()]


def _meaning(test: ExternalTest) -> list[str]:
    tables = (test.auroc, test.drift, test.operating)
    cautions = pd.concat([table["caution"] for table in tables])
    said = [
        "Sensitivity and specificity: at the thresholds frozen on validation images of the run."
    ] * bool(test.operating["value"].notna().any())
    said += [
        "Drift: AUROC of external against validation target images; 0.5 is none, above it external "
        "target images look less like the target."
    ] * bool(test.drift["drift"].notna().any())
    areas = pd.concat([test.auroc["auroc"], test.drift["drift"]])
    said += [
        "Intervals of AUROC and drift contain the patients of these images and retraining, not "
        "what other training patients would change."
    ] * bool(areas.notna().any())
    marked = legend(cautions)
    return said + [marked] * bool(marked)


def external_frame(test: ExternalTest) -> pd.DataFrame:
    """The lines as a table of words, for the page; without columns that have no number."""
    lines = external_lines(test)
    return pd.DataFrame(
        {
            "score": f"{line.row} (control)" if line.control else line.row,
            **{head: getattr(line, field) for field, head in _columns(test, lines).items()},
        }
        for line in lines
    )


def _columns(test: ExternalTest, lines: Sequence[ExternalLine]) -> dict[str, str]:
    """Headings of the columns that have something to say, by field of a line."""
    counts = {side: _side(test, side)[["images", "patients"]].sum() for side in SIDES}
    n = {side: f"{own['images']} / {own['patients']}" for side, own in counts.items()}
    heads = {
        "auroc": "AUROC",
        "sensitivity": f"sensitivity, n {n['target']}",
        "specificity": f"specificity, n {n['other']}",
        "drift": "drift, 0.5: none",
        "accepted": "unlabelled, called target",
    }
    several = {"relation": "other images"} if len({line.relation for line in lines}) > 1 else {}
    return several | {
        field: head
        for field, head in heads.items()
        if any(getattr(line, field) != NO_NUMBER for line in lines)
    }


def external_table(test: ExternalTest, name: str) -> RenderableType:
    """The lines on a terminal, within 100 columns, and what to know about them."""
    lines = external_lines(test)
    columns = _columns(test, lines)
    title, notes = f"External test of {name}", external_notes(test)
    if not columns:
        return Lines(*map(Text, [title, *notes]))
    signs = ["Values with 95 % intervals; n is images / patients."]
    signs += ["c control: not made to recognise the target."] * any(x.control for x in lines)
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        width=WIDTH,
    )
    between = " [" if len(columns) <= MOST_ON_ONE_LINE else "\n["
    table.add_column("score", overflow="fold")
    table.add_column("", no_wrap=True)
    for field, head in columns.items():
        sorts = " ▼" if field == "auroc" else ""
        table.add_column(head.replace(", ", "\n") + sorts, justify="right", no_wrap=True)
    for line in lines:
        cells = [getattr(line, field).replace(" [", between) for field in columns]
        kind, style = ("c", "dim") if line.control else ("", "")
        table.add_row(Text(line.row), Text(kind), *map(Text, cells), style=style)
    return Lines(table, *map(Text, [*signs, *notes]))
