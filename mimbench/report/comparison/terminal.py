"""Runs side by side on a terminal, within 80 columns."""

from collections.abc import Iterator
from math import isnan

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mimbench.report.comparison.facts import PARTS
from mimbench.report.comparison.rows import RunComparison
from mimbench.report.leaderboard.groups import Group as Images
from mimbench.report.leaderboard.groups import primary_group
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.notes import difference_text
from mimbench.report.leaderboard.paired_differences import LEVEL
from mimbench.statistics.core.cautions import legend
from mimbench.statistics.core.estimate import Estimate, missing

__all__ = ["comparison_text", "line_estimate"]

SAME = "same scores"
SHOWN = 8  # differences of one part


def comparison_text(made: RunComparison) -> RenderableType:
    """What differs first, then a table for each group of images, then how to read it."""
    parts: list[RenderableType] = [
        Text(f"{made.names[1]} compared with {made.names[0]}", style="bold"),
        *map(Text, _facts(made)),
    ]
    lines = made.lines[made.lines["models"] != SAME]
    found = [Images(*names) for names in {*zip(lines["role"], lines["relation"], strict=True)}]
    first = primary_group(found)
    ordered = sorted(found, key=lambda group: (group != first, group))
    parts += [_table(lines, group) for group in ordered]
    parts += map(Text, _notes(made))
    return Group(*parts)


def line_estimate(line: dict[str, object]) -> Estimate:
    """The difference of one line of the comparison."""
    value, low, high, p = (float(str(line[name])) for name in ("difference", "low", "high", "p"))
    caution = str(line["caution"])
    if isnan(value):
        return missing(caution)
    return Estimate(value, low, high, p=p, caution=caution)


def _facts(made: RunComparison) -> Iterator[str]:
    for part in PARTS:
        own = [difference.text for difference in made.differences if difference.part == part]
        said = own[:SHOWN] + [f"and {len(own) - SHOWN} more; see --csv"] * (len(own) > SHOWN)
        yield f"{part}: {'; '.join(said) or 'no difference'}"


def _table(lines: pd.DataFrame, images: Images) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.title, table.title_justify = f"AUROC against {images.label}", "left"
    table.add_column("score", overflow="fold")
    table.add_column("condition")
    for name in ("first", "second", "difference [95 %]", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    own = lines[(lines["role"] == images.role) & (lines["relation"] == images.relation)]
    for line in own.to_dict("records"):
        estimate = line_estimate({str(name): value for name, value in line.items()})
        clear = estimate.p < LEVEL
        cells = [str(line["row"]), str(line["condition"])]
        cells += [rounded(line[name]) for name in ("first", "second")]
        shown = difference_text(estimate) if not isnan(estimate.value) else "n/a"
        cells += [shown, _p(estimate.p)]
        table.add_row(*map(Text, cells), style="bold" if clear else "")
    return table


def _p(value: float) -> str:
    if isnan(value):
        return "unknown"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _notes(made: RunComparison) -> Iterator[str]:
    yield (
        f"Difference: second minus first, paired on {made.images} shared test images; above 0 the "
        "second run is better. Intervals are over patients and retraining, unadjusted; p is "
        "Holm-adjusted over all lines, and below 0.05 in bold."
    )
    same = made.lines[made.lines["models"] == SAME]["row"].unique()
    if len(same):
        yield f"Every score is the same in both runs: {', '.join(same)}."
    if "same models" in set(made.lines["models"]):
        yield "Where both runs scored with the same trained models, retraining plays no part."
    if note := legend(made.lines["caution"]):
        yield note
    yield from (f"Not compared: {sentence}." for sentence in made.missing)
