"""How the losses of fits went down: small multiples from training.csv, one panel per detector."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mimbench.errors import TableError
from mimbench.report.figures.panels import INK, PAPER, label_all, legend_above, panel_grid
from mimbench.report.figures.sketch import Sketch, Subject
from mimbench.report.figures.styles import DASHES, RowStyle, detector_colour
from mimbench.runfolder.reading import RunFolder
from mimbench.text import counted, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["VALIDATION", "loss_curves", "sketches", "training_figure"]

VALIDATION = "validation"  # name of the value on held-out images
NEEDED = ("fit_id", "detector", "step", "loss", "value")
MOST_POINTS = 40  # of a line: enough to see its course, and the page stays small


def sketches(subject: Subject) -> Iterator[Sketch]:
    """One, if the run recorded its losses."""
    curves = subject.results.training
    if len(curves):
        words = (
            "Losses by step of the training, each as a share of the largest size of its mean. "
            "Lines: mean over the fits that were still training; bands: lowest to highest fit; "
            "dots: the value on validation images. A colour is a detector, dashes are a loss."
        )
        trained = list(dict.fromkeys(curves["detector"]))
        figure = partial(training_figure, curves, trained)
        yield Sketch("training", "training", "", words, figure)


def loss_curves(run: RunFolder) -> pd.DataFrame:
    """Losses by detector and step, over the fits that speak for their detector.

    Each loss is divided by the largest size of its mean, because losses of one detector differ in
    scale by orders of magnitude.

    Returns:
        Columns `detector`, `loss`, `step`, `value` (mean over the fits that were still training),
        `low` and `high` (lowest and highest fit) and `fits`; empty without training.csv.

    Raises:
        TableError: training.csv lacks a column, or a step or value is no number.
    """
    table = run.extras.get("training", pd.DataFrame())
    if table.empty:
        return pd.DataFrame()
    path = run.path / "training.csv"
    if missing := [name for name in NEEDED if name not in table]:
        raise TableError(
            f"{path} lacks the {listed('column', missing)}. Repeat the run, or remove the file."
        )
    fits = run.tables.fits
    own = table[table["fit_id"].isin(fits.loc[run.tables.main_fits, "fit_id"])]
    try:
        own = own.astype({"step": int, "value": float})
    except ValueError as error:
        raise TableError(f"{path} has a step or value that is no number: {error}.") from error
    by_step = own.groupby(["detector", "loss", "step"], sort=False)["value"]
    curves = by_step.agg(value="mean", low="min", high="max", fits="size").reset_index()
    largest = curves.groupby(["detector", "loss"])["value"].transform(lambda x: x.abs().max())
    for name in ("value", "low", "high"):
        curves[name] /= largest.where(largest > 0, 1.0)
    return curves.sort_values(["detector", "loss", "step"], kind="stable", ignore_index=True)


def training_figure(curves: pd.DataFrame, detectors: Sequence[str]) -> "Figure":
    """One panel per detector, one line per loss; bands from the lowest to the highest fit.

    Args:
        curves: of `loss_curves`.
        detectors: the panels, in order.
    """
    styles = _styles(curves)
    figure, axes = panel_grid(
        len(detectors), columns=4, width=2.2, height=1.6, below=0.2, legend=len(styles)
    )
    bottom = min(-0.05, 1.05 * curves["low"].min())
    top = max(1.05, 1.05 * curves["high"].max())
    for place, (axis, detector) in enumerate(zip(axes, detectors, strict=True)):
        panel, colour = curves[curves["detector"] == detector], detector_colour(detector)
        for loss, style in styles.items():
            line = _thinned(panel[panel["loss"] == loss])
            axis.plot(
                line["step"].to_numpy(float),
                line["value"].to_numpy(float),
                color=colour,
                linestyle=style.line,
                marker=style.marker if loss == VALIDATION else "",
                linewidth=1.3,
                markersize=4,
                markeredgecolor=PAPER,
                markeredgewidth=0.4,
            )
            if len(line) and line["fits"].max() > 1:
                ends = (line[name].to_numpy(float) for name in ("step", "low", "high"))
                axis.fill_between(*ends, color=colour, alpha=0.13, linewidth=0)
        fits = int(panel["fits"].max())
        axis.set_title(f"{detector}, {counted(fits, 'trained model')}")
        axis.axhline(0, color=INK, linewidth=0.7, alpha=0.5)
        axis.set_ylim(bottom, top)
        axis.tick_params(labelleft=place % 4 == 0)
        axis.locator_params(axis="x", nbins=4)
    label_all(figure, "step of the training", "share of the largest mean")
    legend_above(figure, {loss.replace("_", " "): look for loss, look in styles.items()}, "")
    return figure


def _styles(curves: pd.DataFrame) -> dict[str, RowStyle]:
    """Losses in alphabetical order, the value on validation images last."""
    names = sorted(set(curves["loss"]) - {VALIDATION})
    lines = ("", *DASHES)
    looks = {name: RowStyle(INK, lines[k % len(lines)], "") for k, name in enumerate(names)}
    if VALIDATION in set(curves["loss"]):
        looks[VALIDATION] = RowStyle(INK, "", "o")
    return looks


def _thinned(line: pd.DataFrame) -> pd.DataFrame:
    """Points at even distances, the first and the last among them."""
    if len(line) <= MOST_POINTS:
        return line
    return line.iloc[np.linspace(0, len(line) - 1, MOST_POINTS).round().astype(int)]
