"""The figures of a run in files."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mimbench.files import atomic_write
from mimbench.report.figures import (
    categories,
    degradation,
    distributions,
    known_curve,
    roc,
    training,
)
from mimbench.report.figures.cache import Drawn, fingerprint
from mimbench.report.figures.panels import paper_style, save_figure
from mimbench.report.figures.sketch import Subject
from mimbench.report.figures.styles import RowStyle
from mimbench.report.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawing", "draw_figures"]

# In the order of the page; to add a figure, write a file with `sketches` and name it here.
FIGURES = (degradation, categories, known_curve, roc, distributions, training)


@dataclass(frozen=True)
class Drawing:
    """A figure in files.

    Attributes:
        stem: file name without its ending, e.g. "roc".
        kind: which sort of figure it is, see `mimbench.report.figures.sketch.Sketch`.
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
    drawn, subject = Drawn(folder), Subject(results, styles)
    figures = FIGURES if subject.headline else ()
    with paper_style():
        for sketch in (one for figure in figures for one in figure.sketches(subject)):
            asked, stem = fingerprint(sketch.draw), sketch.stem
            if not drawn.stands(stem, asked):
                _save(sketch.draw(), folder, stem)
                drawn.note(stem, asked)
            svg = folder / f"{stem}.svg"
            drawings.append(Drawing(stem, sketch.kind, sketch.title, sketch.words, svg))
    drawn.write()
    return tuple(drawings)


def _save(figure: "Figure", folder: Path, stem: str) -> None:
    """Draw elsewhere first: what stands in the folder is whole."""
    with TemporaryDirectory() as elsewhere:
        save_figure(figure, Path(elsewhere) / stem)
        for drawn in sorted(Path(elsewhere).iterdir()):
            with atomic_write(folder / drawn.name) as unfinished:
                shutil.copyfile(drawn, unfinished)
