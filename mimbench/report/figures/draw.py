"""The figures of a run: which are drawn, their file names and what they show in words."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure

from mimbench.files import whole
from mimbench.report.figures.cache import Drawn, fingerprint
from mimbench.report.figures.curves import category_cells, degradation_curves
from mimbench.report.figures.known_plot import curve_rows, known_curve_figure
from mimbench.report.figures.plots import (
    degradation_figure,
    distribution_figure,
    heat_map_figure,
    roc_figure,
)
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.page.panels import paper_style, save_figure
from mimbench.report.page.samples import standardised, standardised_threshold
from mimbench.report.page.sections.operating import operating_points
from mimbench.report.page.sections.training import training_figure
from mimbench.report.results import Results

__all__ = ["PROTOCOLS", "Drawing", "draw_figures"]

PROTOCOLS = {
    "both": "target and other images corrupted",
    "target-only": "only target images corrupted",
}


@dataclass(frozen=True)
class Drawing:
    """A figure in files.

    Attributes:
        stem: file name without its ending, e.g. "roc".
        kind: "degradation", "heat map", "known_curve", "roc", "distribution" or "training".
        title: what distinguishes it from others of its kind.
        words: what it shows, for those who cannot see it.
    """

    stem: str
    kind: str
    title: str
    words: str
    svg: Path


def draw_figures(
    folder: Path, results: Results, styles: dict[str, RowStyle]
) -> tuple[Drawing, ...]:
    """Draw every figure that there are numbers for into `folder`; one that stands there stays."""
    drawings = []
    drawn = Drawn(folder)
    with paper_style():
        for stem, kind, title, words, figure in _figures(results, styles):
            asked = fingerprint(figure)
            if not drawn.stands(stem, asked):
                _save(figure(), folder, stem)
                drawn.note(stem, asked)
            drawings.append(Drawing(stem, kind, title, words, folder / f"{stem}.svg"))
    drawn.write()
    return tuple(drawings)


def _save(figure: Figure, folder: Path, stem: str) -> None:
    """Draw elsewhere first: what stands in the folder is whole."""
    with TemporaryDirectory() as elsewhere:
        save_figure(figure, Path(elsewhere) / stem)
        for drawn in sorted(Path(elsewhere).iterdir()):
            with whole(folder / drawn.name) as unfinished:
                shutil.copyfile(drawn, unfinished)


def _figures(
    results: Results, styles: dict[str, RowStyle]
) -> Iterator[tuple[str, str, str, str, "partial[Figure]"]]:
    metrics, board, samples = results.metrics, results.board, results.samples
    headline = {entry.row: styles[entry.row] for entry in board.entries if entry.headline}
    lines = {row: styles[row] for row in _lines(board)}
    rows = list(headline)
    controls = tuple(row for row, style in headline.items() if style.control)
    if not rows:
        return
    for group in board.groups:
        for protocol, meaning in PROTOCOLS.items():
            curves = degradation_curves(metrics, group, protocol, list(lines))
            if len(curves):
                size = f" at {board.corrupted_at}" * bool(board.corrupted_at)
                title = f"{group.label}; {meaning}{size}"
                yield (
                    f"degradation_{group.slug}_{protocol}",
                    "degradation",
                    title,
                    f"AUROC by severity of each corruption: {title}.",
                    partial(degradation_figure, curves, lines, title),
                )
    cells = category_cells(metrics, board.groups, rows)
    if len(cells):
        words = "Clean AUROC of every score on every category."
        figure = partial(heat_map_figure, cells, rows, controls)
        yield "categories", "heat map", "", words, figure
    if len(results.known_curve):
        words = (
            "AUROC on unknown categories against the number of known categories that a classifier "
            "was trained on. Bands: 95 % intervals over patients; bars: from the lowest to the "
            "highest order. Level lines: detectors that see no known category, and controls."
        )
        shown = {row: styles[row] for row in curve_rows(results.known_curve, board)}
        figure = partial(known_curve_figure, results.known_curve, shown)
        yield "known_curve", "known_curve", "", words, figure
    if samples:
        words = "ROC curves by group: share of other images refused against targets refused."
        points = operating_points(results.operating, board.groups)
        if any(row in lines for row, _ in points):
            words += " Large markers with a dark edge: the threshold frozen on validation images."
        figure = partial(roc_figure, samples, points, board.groups, lines)
        yield "roc", "roc", "", words, figure
        words = (
            "How the scores of target and other images spread, for each score, without the "
            "outermost 1 % on either side and what lies three interquartile ranges outside of "
            "every group; lines are quartiles of what is drawn."
        )
        thresholds = {row: standardised_threshold(own) for row, own in samples.items()}
        if np.isfinite(list(thresholds.values())).any():
            words += " Dashed: the threshold frozen on validation images, the median over fits."
        shown = {row: style for row, style in headline.items() if row in samples}
        figure = partial(
            distribution_figure, standardised(samples), thresholds, board.groups, shown
        )
        yield "distributions", "distribution", "", words, figure
    if len(results.training):
        words = (
            "Losses by step of the training, each as a share of the largest size of its mean. "
            "Lines: mean over the fits that were still training; bands: lowest to highest fit; "
            "dots: the value on validation images. Colours are of losses here, not of detectors."
        )
        trained = list(dict.fromkeys(results.training["detector"]))
        yield "training", "training", "", words, partial(training_figure, results.training, trained)


def _lines(board: Leaderboard) -> list[str]:
    """Rows of figures of lines: headline scores of detectors, of each control the highest one."""
    drawn, controls = [], set()
    for entry in board.entries:
        if entry.headline and entry.detector.name not in controls:
            drawn.append(entry.row)
        if entry.headline and entry.control:
            controls.add(entry.detector.name)
    return drawn
