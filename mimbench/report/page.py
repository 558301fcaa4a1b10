"""The page: one self-contained HTML file that needs no network."""

import base64
import re
from collections.abc import Hashable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mimbench import __version__
from mimbench.report.curves import category_cells
from mimbench.report.estimates import rounded
from mimbench.report.figures import PROTOCOLS, Drawing
from mimbench.report.folder import GalleryEntry, RunFolder
from mimbench.report.leaderboard import Leaderboard
from mimbench.report.plots import GRID_INK, INK, PAPER
from mimbench.report.styles import RowStyle
from mimbench.report.tables import fold_spread
from mimbench.report.words import (
    CONVENTIONS,
    cautions,
    findings,
    glance,
    sample_note,
    standing_note,
)

__all__ = ["render_page"]

INK_VARIABLES = {INK: "var(--ink)", GRID_INK: "var(--line)", PAPER: "var(--card)"}


def render_page(
    run: RunFolder,
    metrics: pd.DataFrame,
    board: Leaderboard,
    styles: Mapping[str, RowStyle],
    drawings: Sequence[Drawing],
) -> str:
    """The text of index.html; every name that comes from a user is escaped."""
    environment = Environment(
        loader=PackageLoader("mimbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        fold_spread=fold_spread, rounded=rounded, standing_note=standing_note
    )
    rows = [entry.row for entry in board.entries if entry.headline]
    return environment.get_template("index.html.j2").render(
        run=run,
        board=board,
        styles=styles,
        glance=glance(run, board),
        findings=findings(board),
        cautions=cautions(run, board),
        conventions=CONVENTIONS,
        sample_note=sample_note(board),
        protocols=PROTOCOLS,
        blocks=_heat_map(metrics, board, rows),
        rows=rows,
        drawings=[(drawing, _inline_svg(drawing, i)) for i, drawing in enumerate(drawings)],
        gallery=[(entry, _data_uri(run, entry)) for entry in run.gallery],
        version=__version__,
        style=Markup(_own_file("style.css")),
    )


def _own_file(name: str) -> str:
    return files("mimbench.report").joinpath(name).read_text(encoding="utf-8")


def _heat_map(
    metrics: pd.DataFrame, board: Leaderboard, rows: Sequence[str]
) -> list[dict[str, Any]]:
    """Blocks of the heat map: a group, and its categories with one cell for each row."""
    cells = category_cells(metrics, board.groups, rows)
    blocks = []
    for group, part in cells.groupby("group", sort=False):
        categories = []
        for category, line in part.groupby("category", sort=False):
            by_row = {str(cell["row"]): cell for cell in line.to_dict("records")}
            first = next(iter(by_row.values()))
            categories.append(
                {
                    "name": category,
                    "images": first["n_other"],
                    "patients": first["n_other_patients"],
                    "cells": [_heat_cell(by_row.get(row)) for row in rows],
                }
            )
        blocks.append({"group": group, "categories": categories})
    return blocks


def _heat_cell(cell: Mapping[Hashable, Any] | None) -> dict[str, Any] | None:
    if cell is None or cell["value"] != cell["value"]:
        return None
    value, low, high = cell["value"], cell["low"], cell["high"]
    interval = f", interval {low:.2f} to {high:.2f}" if low == low else ", no interval"
    return {
        "value": value,
        # Distance from a coin toss, 0 to 100, and the side it lies on.
        "strength": round(min(abs(value - 0.5) * 2, 1) * 100),
        "side": "above" if value >= 0.5 else "below",
        "title": f"{cell['row']} on {cell['category']}: AUROC {value:.2f}{interval}",
    }


def _inline_svg(drawing: Drawing, number: int) -> Markup:
    """The figure as markup: own ids, neutral colours that follow the page, no fixed size."""
    text = drawing.svg.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>f{number}-", text)
    for colour, variable in INK_VARIABLES.items():
        text = text.replace(colour, variable)
    # matplotlib escapes the text of labels, so names from outside cannot add markup here.
    return Markup(text)


def _data_uri(run: RunFolder, entry: GalleryEntry) -> str:
    content = (run.path / "gallery" / entry.file).read_bytes()
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
