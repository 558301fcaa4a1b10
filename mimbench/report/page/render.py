"""The page: one self-contained HTML file that needs no network."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mimbench import __version__
from mimbench.report.cautions import cautions
from mimbench.report.figures.draw import PROTOCOLS, Drawing
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.columns import AUROC, COLUMNS, ROW_COLUMNS, Column, with_values
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.notes import (
    CONVENTIONS,
    corruption_note,
    difference_text,
    findings,
    number_note,
    sample_note,
    standing_note,
)
from mimbench.report.page.glance import glance
from mimbench.report.page.payload import METRICS, page_payload
from mimbench.report.page.sections.common import (
    audit_findings,
    heat_map,
    robustness_lines,
    signal_lines,
    spread,
)
from mimbench.report.page.sections.costs import cost_lines
from mimbench.report.page.sections.extras import extras
from mimbench.report.page.sections.gallery import gallery_views
from mimbench.report.page.sections.operating import operating_lines
from mimbench.report.page.sections.verdicts import claim_views
from mimbench.report.page.security import figure_uri, policy
from mimbench.report.results import Results
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.cautions import legend
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS

__all__ = ["render_page"]

DRAWN_BY_SCRIPT = ("degradation", "heat map")  # kinds of figures


def render_page(
    run: RunFolder,
    results: Results,
    styles: Mapping[str, RowStyle],
    drawings: Sequence[Drawing],
) -> str:
    """The text of index.html; every name that comes from a user is escaped."""
    environment = Environment(
        loader=PackageLoader("mimbench.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["missing"] = pd.isna
    environment.filters["breakable"] = _breakable
    environment.globals.update(
        difference_text=difference_text,
        number_note=number_note,
        rounded=rounded,
        standing_note=standing_note,
    )
    board, metrics = results.board, results.metrics
    rows = [entry.row for entry in board.entries if entry.headline]
    payload = page_payload(metrics, board, styles)
    blocks = heat_map(metrics, board, rows)
    robustness, no_ratio = robustness_lines(results.robustness, board, rows)
    own_groups = [group for group in board.groups if not group.external]
    operating, no_threshold = operating_lines(results.operating, own_groups, rows)
    stages, costs = cost_lines(run.attempts)
    css, script = _own_file("style.css"), _own_file("script.js")
    colours = {colour: f"c{i}" for i, colour in enumerate(_distinct(styles))}
    style = css + _classes(colours, {_width(drawing) for drawing in drawings})
    return environment.get_template("index.html.j2").render(
        run=run,
        stages=stages,
        costs=costs,
        board=board,
        styles=styles,
        auroc=AUROC,
        details=_details(board),
        of_rows=[column for column in ROW_COLUMNS if column.page],
        families=sorted({entry.detector.family for entry in board.entries}),
        glance=glance(run, board),
        findings=findings(board),
        cautions=cautions(run, board),
        conventions=CONVENTIONS,
        legend=_legend(run, results),
        sample_note=sample_note(board),
        corruption_note=corruption_note(board),
        protocols=PROTOCOLS,
        claims=claim_views(run.extras.get("verdicts")),
        extras=extras(run, results),
        blocks=blocks,
        few=any(category["few"] for block in blocks for category in block["categories"]),
        fewest=FEWEST_PATIENTS,
        rows=rows,
        operating=operating,
        own_groups=own_groups,
        disagreeing=legend(_clean(results.operating)["caution"]),
        no_threshold=no_threshold,
        robustness=robustness,
        no_ratio=no_ratio,
        spread=spread(results.samples, board),
        drawings=[(drawing, _uri(drawing, css), _width(drawing)) for drawing in drawings],
        gallery=gallery_views(run),
        signals=signal_lines(results.class_signal, board),
        audit=audit_findings(run),
        trained=len(results.training) > 0,
        fits=run.tables.fits.to_dict("records"),
        payload=payload,
        data=_json(payload),
        version=__version__,
        colours=colours,
        policy=policy(script, style),
        style=Markup(style),
        script=Markup(script),
    )


def _details(board: Leaderboard) -> list[Column]:
    """Columns of the primary group, those that the page hides at first behind the others."""
    headed = [column for column in COLUMNS if column.page and column is not AUROC]
    found = with_values(headed, board.entries, board.primary)
    return sorted(found, key=lambda column: column.more)


def _clean(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["corruption"] == CLEAN]


def _legend(run: RunFolder, results: Results) -> str:
    """What the mark means, wherever it stands on the page."""
    metrics = results.metrics
    printed = (metrics["category"] == "") & metrics["metric"].isin(list(METRICS))
    tables = [metrics[printed], results.class_signal, results.robustness]
    tables += [results.known_curve, results.left_out[results.left_out["category"] == ""]]
    tables += [run.extras[name] for name in ("subgroups", "verdicts") if name in run.extras]
    return legend(
        str(text)
        for table in tables
        for name in ("caution", "seen_caution", "change_caution")
        if name in table
        for text in table[name].unique()
    )


def _own_file(name: str) -> str:
    return files("mimbench.report.page").joinpath("assets", name).read_text(encoding="utf-8")


def _breakable(name: str) -> Markup:
    """A name that may wrap after a slash or underscore."""
    return Markup(re.sub(r"([/_])", r"\1<wbr>", str(escape(name))))


def _json(payload: Mapping[str, Any]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    return Markup(json.dumps(payload, separators=(",", ":")).replace("<", "\\u003c"))


def _distinct(styles: Mapping[str, RowStyle]) -> list[str]:
    return list(dict.fromkeys(style.colour for style in styles.values()))


def _classes(colours: Mapping[str, str], widths: set[int]) -> str:
    """Rules for what differs from page to page: its policy allows no style on elements."""
    rules = [f".{name} {{ --c: {colour}; }}" for colour, name in colours.items()]
    rules += [f".s{strength} {{ --s: {strength}%; }}" for strength in range(101)]
    rules += [f".w{width} {{ max-width: {width}px; }}" for width in sorted(widths)]
    return "\n".join(rules)


def _uri(drawing: Drawing, css: str) -> str:
    """The figure as an image; nothing for those that the page draws itself."""
    if drawing.kind in DRAWN_BY_SCRIPT:
        return ""
    return figure_uri(drawing.svg.read_text(encoding="utf-8", errors="replace"), css)


def _width(drawing: Drawing) -> int:
    """Pixels on the page: letters keep one size in all figures, 1.45 px for a point."""
    if drawing.kind in DRAWN_BY_SCRIPT:
        return 0
    text = drawing.svg.read_text(encoding="utf-8", errors="replace")
    width = re.search(r'<svg[^>]*? width="([\d.]{1,9})pt"', text)
    return round(1.45 * float(width[1])) if width else 1000
