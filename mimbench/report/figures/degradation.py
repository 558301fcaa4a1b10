"""Degradation curves: AUROC by severity, one panel per corruption or per family of them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mimbench.errors import UnknownNameError
from mimbench.report.figures.families import by_family
from mimbench.report.figures.panels import (
    INK,
    PAPER,
    label_all,
    label_outside,
    legend_above,
    panel_grid,
)
from mimbench.report.figures.sketch import Sketch, Subject
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.groups import Group
from mimbench.scores.tables import CLEAN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "LOWEST",
    "MANY",
    "PROTOCOLS",
    "by_families",
    "degradation_curves",
    "degradation_figure",
    "draw_panel",
    "sketches",
]

PROTOCOLS = {
    "both": "target and other images corrupted",
    "target-only": "only target images corrupted",
}
ALL_CORRUPTIONS = "mean of all"
MANY = 8  # corruptions; more are shown by family
COLUMNS = 4  # panels beside each other
LOWEST = 0.4  # AUROC at which an axis begins, unless a curve is lower
_COLUMNS = ["row", "corruption", "severity", "value", "low", "high"]


def sketches(subject: Subject) -> Iterator[Sketch]:
    """One per group and protocol that the run has corrupted scores of."""
    board = subject.board
    shown = {row: subject.styles[row] for row in subject.styles if row in board.leading_rows}
    for group in board.groups:
        for protocol, meaning in PROTOCOLS.items():
            curves = degradation_curves(subject.results.metrics, group, protocol, list(shown))
            if len(curves):
                curves = by_families(curves) if curves["corruption"].nunique() > MANY else curves
                size = f" at {board.corrupted_at}" * bool(board.corrupted_at)
                title = f"{group.label}; {meaning}{size}"
                yield Sketch(
                    f"degradation_{group.slug}_{protocol}",
                    "degradation",
                    title,
                    "AUROC by severity of the best score of each family of detectors and of the "
                    f"best control: {title}.",
                    partial(degradation_figure, curves, shown, title),
                )


def degradation_curves(
    metrics: pd.DataFrame, group: Group, protocol: str, rows: Sequence[str]
) -> pd.DataFrame:
    """AUROC by row, corruption and severity; severity 0 is the clean value of the row.

    A first panel, `ALL_CORRUPTIONS`, averages the corruptions at each severity where all of them
    were measured; it has no interval.

    Raises:
        UnknownNameError: there is no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    chosen = metrics[
        (metrics["question"] == "detection")
        & (metrics["role"] == group.role)
        & (metrics["relation"] == group.relation)
        & (metrics["category"] == "")
        & (metrics["metric"] == "auroc")
        & metrics["row"].isin(rows)
    ]
    clean = chosen[(chosen["corruption"] == CLEAN) & (chosen["protocol"] == "both")]
    corrupted = chosen[(chosen["severity"] > 0) & (chosen["protocol"] == protocol)]
    names = list(dict.fromkeys(corrupted["corruption"]))
    starts = [clean.assign(corruption=name) for name in names]
    curves = pd.concat([*starts, corrupted], ignore_index=True)[_COLUMNS]
    if len(names) < 2:
        return curves
    count = curves.groupby(["row", "severity"], observed=True)["value"].transform("size")
    complete = curves[count == len(names)]
    together: pd.DataFrame = pd.concat(
        [_mean(complete, ALL_CORRUPTIONS), curves], ignore_index=True
    )
    return together


def by_families(curves: pd.DataFrame) -> pd.DataFrame:
    """The same by family of corruptions: the mean of each, without interval where it has several.

    Args:
        curves: of `degradation_curves`.
    """
    names = list(dict.fromkeys(curves["corruption"]))
    parts = [curves[curves["corruption"] == ALL_CORRUPTIONS]]
    for family, own in by_family([name for name in names if name != ALL_CORRUPTIONS]).items():
        of_family = curves[curves["corruption"].isin(own)]
        if len(own) == 1:
            parts.append(of_family)
            continue
        count = of_family.groupby(["row", "severity"], observed=True)["value"].transform("size")
        parts.append(_mean(of_family[count == len(own)], f"{family}: mean of {len(own)}"))
    whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return whole


def _mean(curves: pd.DataFrame, name: str) -> pd.DataFrame:
    """Means over corruptions by row and severity, as a panel of this name."""
    mean = curves.groupby(["row", "severity"], as_index=False, observed=True)["value"].mean()
    named: pd.DataFrame = mean.assign(corruption=name, low=float("nan"), high=float("nan"))
    return named[_COLUMNS]


def degradation_figure(
    curves: pd.DataFrame, styles: Mapping[str, RowStyle], title: str
) -> "Figure":
    """AUROC by severity, one panel per corruption, with intervals as bands.

    Args:
        curves: columns `row`, `corruption`, `severity` (0 = clean), `value`, `low`, `high`.
        styles: the rows to draw, in the order of the legend.
        title: group and protocol in words.
    """
    corruptions = list(dict.fromkeys(curves["corruption"]))
    columns = len(corruptions) if len(corruptions) == COLUMNS + 1 else COLUMNS  # none alone below
    figure, axes = panel_grid(
        len(corruptions), columns=columns, width=2.1, height=1.6, legend=len(styles) + 4
    )
    ends = curves[["value", "low"]].to_numpy(float)
    bottom = min(LOWEST, float(np.nanmin(ends)) - 0.02)
    for axis, corruption in zip(axes, corruptions, strict=True):
        draw_panel(axis, curves[curves["corruption"] == corruption], styles)
        axis.set_ylim(max(0.0, bottom), 1.01)
    label_outside(axes, columns=columns)
    label_all(figure, "severity", "AUROC")
    legend_above(figure, styles, title)
    return figure


def draw_panel(axis: Any, panel: pd.DataFrame, styles: Mapping[str, RowStyle]) -> None:
    """Draw the curves of one corruption on matplotlib axes.

    Args:
        axis: the axes.
        panel: the lines of `degradation_curves` of one corruption.
        styles: of its rows, in the order in which they are drawn.
    """
    # A panel costs 5 ms so, and 130 ms with seaborn's lineplot; a run has more than a hundred.
    by_row = dict(list(panel.sort_values("severity").groupby("row", sort=False, observed=True)))
    for row, style in styles.items():
        if row not in by_row:
            continue
        points = by_row[row]
        severity = points["severity"].to_numpy(float)
        axis.plot(
            severity,
            points["value"].to_numpy(float),
            color=style.colour,
            linestyle=style.line,
            linewidth=1.5,
            marker=style.marker,
            markersize=4,
            markeredgecolor=PAPER,
            markeredgewidth=0.4,
            label=row,
        )
        axis.fill_between(
            severity,
            points["low"].to_numpy(float),
            points["high"].to_numpy(float),
            color=style.colour,
            alpha=0.06 if style.control else 0.13,
            linewidth=0,
        )
    axis.set_title("".join(panel["corruption"].unique()).replace("_", " "))
    axis.set_xticks(range(6), ["clean", "1", "2", "3", "4", "5"])
    axis.axhline(0.5, color=INK, linewidth=0.7, alpha=0.5)
