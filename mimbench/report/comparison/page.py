"""Runs side by side as one self-contained page, with the degradation curves of both."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from mimbench import __version__
from mimbench.report.comparison.rows import RunComparison
from mimbench.report.comparison.wording import (
    SAME,
    answer,
    facts,
    groups,
    header,
    lines_of,
    notes,
    title,
)
from mimbench.report.figures.degradation import degradation_curves, draw_panel
from mimbench.report.figures.panels import (
    label_all,
    label_outside,
    legend_above,
    panel_grid,
    paper_style,
)
from mimbench.report.figures.styles import PALETTE, RowStyle
from mimbench.report.page.render import own_file, page_environment
from mimbench.report.page.security import figure_uri, policy
from mimbench.statistics.tables.metrics import metrics_table

__all__ = ["comparison_page"]

COLUMNS = 4  # of panels
PIXELS = 104  # for an inch of a figure, as on the page of a run
STYLES = (RowStyle(PALETTE[0], "", "o"), RowStyle(PALETTE[1], "5 2", "s"))  # first, second run


def comparison_page(made: Sequence[RunComparison]) -> str:
    """The text of an HTML file that loads nothing; every name from a run is escaped."""
    style = own_file("style.css")
    pairs = [_pair(own, style) for own in made]
    widths = {pair["width"] for pair in pairs}
    style += "\n".join(
        f"figure > .w{width} {{ max-width: {width}px; min-width: min({width}px, 34rem); }}"
        for width in sorted(widths)
    )
    return (
        page_environment()
        .get_template("comparison.html.j2")
        .render(
            title=title(made[0]) if len(made) == 1 else f"{len(made) + 1} runs side by side",
            pairs=pairs,
            version=__version__,
            policy=policy("", style),
            style=Markup(style),
        )
    )


def _pair(made: RunComparison, style: str) -> dict[str, Any]:
    figure = _curves(made)
    return {
        "title": title(made),
        "answer": list(answer(made)),
        "header": header(made),
        "facts": list(facts(made)),
        "tables": [(group.label, list(lines_of(made, group))) for group in groups(made)],
        "figure": "" if figure is None else figure_uri(_svg(figure), style),
        "width": 0 if figure is None else round(PIXELS * figure.get_figwidth()),
        "notes": list(notes(made)),
    }


def _curves(made: RunComparison) -> Figure | None:
    """A panel for each row that differs: AUROC by severity in both runs, on shared images."""
    shown = groups(made)
    if not shown:
        return None
    lines = made.lines
    own = lines[(lines["role"] == shown[0].role) & (lines["relation"] == shown[0].relation)]
    rows = list(own[(own["condition"] == "corrupted") & ~own["models"].isin(SAME)]["row"])
    if not rows:
        return None
    sides = [
        degradation_curves(
            metrics_table(tables, resamples=0, among=made.aligned.tested), shown[0], "both", rows
        )
        for tables in (made.aligned.reference, made.aligned.candidate)
    ]
    with paper_style():
        columns = min(COLUMNS, len(rows))
        # two runs, and a line for the title
        figure, axes = panel_grid(len(rows), columns, width=2.2, height=1.6, legend=2 + columns)
        for axis, row in zip(axes, rows, strict=True):
            both = [
                _first(curves[curves["row"] == row]).assign(row=name)
                for name, curves in zip(made.names, sides, strict=True)
            ]
            draw_panel(axis, pd.concat(both), dict(zip(made.names, STYLES, strict=True)))
            axis.set_title(row)
            axis.set_ylim(0, 1.01)
        label_outside(axes, columns)
        label_all(figure, "severity, mean over corruptions", "AUROC")
        legend_above(figure, dict(zip(made.names, STYLES, strict=True)), shown[0].label)
    return figure


def _first(curves: pd.DataFrame) -> pd.DataFrame:
    """The mean over the corruptions, or the only one."""
    found: pd.DataFrame = curves[curves["corruption"] == curves["corruption"].iloc[0]]
    return found


def _svg(figure: Figure) -> str:
    text = StringIO()
    with paper_style():
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    return text.getvalue()
