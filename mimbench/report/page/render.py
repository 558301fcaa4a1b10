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
from mimbench.report.checks import checks
from mimbench.report.figures.draw import Drawing
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.failures import told_together
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.notes import difference_text, number_note
from mimbench.report.page.glance import glance
from mimbench.report.page.sections import all_sections
from mimbench.report.page.sections.leaderboard import spare_controls
from mimbench.report.page.sections.section import Page
from mimbench.report.page.sections.verdicts import first_lines
from mimbench.report.page.security import figure_uri, policy
from mimbench.report.results import Results
from mimbench.report.subject import what_was_measured
from mimbench.runfolder.reading import RunFolder
from mimbench.text import counted

__all__ = ["own_file", "page_environment", "render_page"]

SCRIPTS = (
    "page.js",
    "tables.js",
    "curves.js",
    "images.js",
    "degradation.js",
)  # in the order in which they run
DRAWN_BY_SCRIPT = ("degradation", "heat map")  # kinds of figures


def render_page(
    run: RunFolder,
    results: Results,
    styles: Mapping[str, RowStyle],
    drawings: Sequence[Drawing],
) -> str:
    """The text of index.html; every name that comes from a user is escaped."""
    environment = page_environment()
    environment.tests["missing"] = pd.isna
    environment.filters["breakable"] = _breakable
    environment.filters["told_together"] = told_together
    environment.globals.update(
        counted=counted,
        difference_text=difference_text,
        number_note=number_note,
        rounded=rounded,
    )
    page = Page(run, results, styles, drawings)
    css, script = own_file("style.css"), "".join(own_file(name) for name in SCRIPTS)
    colours = {colour: f"c{i}" for i, colour in enumerate(_distinct(styles))}
    style = css + _classes(colours, {_width(drawing) for drawing in drawings})
    shared = {
        "run": run,
        "board": page.board,
        "styles": styles,
        "colours": colours,
        "rows": page.rows,
        "spare": spare_controls(page.board),
        "drawings": [(drawing, _uri(drawing, css), _width(drawing)) for drawing in drawings],
    }
    found = [
        (section, data) for section in all_sections() if (data := section.data(page)) is not None
    ]
    bodies = [
        (
            section,
            Markup(environment.get_template(section.template).render({**shared, **data})),
            data.get("hint", ""),
        )
        for section, data in found
    ]
    scripted = {key: own for _, data in found for key, own in data.get("script", {}).items()}
    subject = page.answer.subject if page.answer is not None else None
    return environment.get_template("index.html.j2").render(
        shared,
        title=what_was_measured(run),
        added=page.added,
        verdict_lines=first_lines(page.verdicts),
        answer=page.answer,
        checks=checks(run, results, subject),
        sections=bodies,
        shown={section.id for section, *_ in bodies},
        glance=glance(run, page.board),
        data=_json(page.payload | scripted),
        version=__version__,
        policy=policy(script, style),
        style=Markup(style),
        script=Markup(script),
    )


def page_environment() -> Environment:
    """What fills in the templates of a page; every value in them is escaped."""
    return Environment(
        loader=PackageLoader("mimbench.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def own_file(name: str) -> str:
    """The text of one of the files in `assets`."""
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
