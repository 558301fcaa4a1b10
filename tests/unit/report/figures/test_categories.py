"""The heat map is readable for any number of categories and rows."""

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mimbench.report.figures.categories import heat_map_figure
from mimbench.report.figures.panels import paper_style, save_figure

INCH = 0.2  # the least height of a line of text of 9 points


def _figure(categories: list[str], rows: list[str], groups: int = 1) -> Figure:
    lines = [
        (f"known {group}, same source", f"{name} (25 images, 25 pat.)", row, 0.5)
        for group in range(groups)
        for name in categories
        for row in rows
    ]
    cells = pd.DataFrame(lines, columns=["group", "label", "row", "value"])
    with paper_style():
        figure = heat_map_figure(cells, rows, rows[:1])
        FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize(
    ("categories", "rows", "groups"), [(1, 1, 1), (1, 12, 2), (2, 6, 1), (40, 1, 1), (40, 12, 2)]
)
def test_every_label_has_room(categories, rows, groups):
    names = [f"palmoplantar_pustulosis_{k}" for k in range(categories)]
    figure = _figure(names, [f"mim-features/residual_{k}" for k in range(rows)], groups)
    renderer = figure.canvas.get_renderer()
    page = figure.bbox
    *blocks, legend = figure.axes
    assert len(blocks) == groups
    for axis in blocks:
        height = axis.get_window_extent(renderer).height / figure.dpi
        assert height / categories > INCH
        boxes = [label.get_window_extent(renderer) for label in axis.get_yticklabels()]
        assert len(boxes) == categories
        assert all(box.x0 >= page.x0 for box in boxes)
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    across = [label.get_window_extent(renderer) for label in blocks[-1].get_xticklabels()]
    assert len(across) == rows
    assert all(box.x0 >= page.x0 and box.y0 >= page.y0 for box in across)
    assert legend.get_window_extent(renderer).y0 > blocks[0].title.get_window_extent(renderer).y1


def test_categories_in_any_script_are_drawn_without_a_warning(tmp_path: Path):
    with paper_style():
        save_figure(_figure(["दाद", "สิว"], ["mim"]), tmp_path / "heat")
    assert "दाद" in (tmp_path / "heat.svg").read_text(encoding="utf-8")
