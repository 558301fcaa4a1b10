"""The heat map is readable for any number of categories and rows."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mimbench.report.figures.categories import heat_map_figure
from mimbench.report.figures.panels import paper_style, save_figure
from mimbench.report.leaderboard.groups import Group
from mimbench.report.page.sections.categories import heat_map
from mimbench.scores.tables import CLEAN

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


def test_a_category_in_which_no_row_has_a_number_keeps_its_line():
    cells = pd.DataFrame(
        [("known", name, row, value) for name, value in (("b", 0.5), ("a", np.nan))
         for row in ("mim", "cnn")],
        columns=["group", "label", "row", "value"],
    )  # fmt: skip
    with paper_style():
        figure = heat_map_figure(cells, ["mim", "cnn"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b", "a"]


def test_the_page_has_every_category_of_the_table_and_no_other():
    names = ["acne", "eczema", "measles"]  # measles is of another group, which has no number
    cell = {
        "question": "detection", "role": "unknown", "relation": "same-source", "corruption": CLEAN,
        "protocol": "both", "metric": "auroc", "low": 0.4, "high": 0.6, "caution": "",
        "reason": "", "n_other": 5, "n_other_patients": 5,
    }  # fmt: skip
    lines = [
        {**cell, "row": row, "category": name, "value": np.nan if name == "eczema" else 0.5}
        for name in names[:2]
        for row in ("mim", "cnn")
    ]
    metrics = pd.DataFrame(lines).astype({"category": pd.CategoricalDtype(names)})
    board = SimpleNamespace(groups=[Group("unknown", "same-source")])
    (block,) = heat_map(metrics, board, ["mim", "cnn"])
    assert [category["name"] for category in block["categories"]] == ["acne", "eczema"]
    assert [cell is None for cell in block["categories"][1]["cells"]] == [True, True]
