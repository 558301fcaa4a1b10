"""What can be named, and what a folder of images holds, as tables for the terminal."""

import json
from pathlib import Path

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench import corruptions
from mimbench.corruptions.suites import parse
from mimbench.data.survey import survey
from mimbench.errors import UnknownNameError
from mimbench.recipes import names, read_recipe, read_toml
from mimbench.registry import entry_point_names

__all__ = ["describe_images", "listing"]


def listing(what: str) -> Table:
    """Table of everything of one kind.

    Raises:
        UnknownNameError: `what` is none of detectors, corruptions, suites, runs.
    """
    if what not in _LISTINGS:
        raise UnknownNameError("list", what, _LISTINGS)
    return _LISTINGS[what]()


def _detectors() -> Table:
    table = _table("detector", "family", "scores", "what it is")
    for name in names("baselines"):
        recipe = read_recipe(name)
        table.add_row(name, recipe.family, ", ".join(recipe.scores), recipe.description)
    for name in entry_point_names():
        table.add_row(name, "plug-in", "", "installed plug-in")
    return table


def _corruptions() -> Table:
    table = _table("corruption", "in the suites")
    suites = {name: parse(*_suite(name)) for name in names("corruptions")}
    of_suites = {c.name for suite in suites.values() for c in suite.corruptions}
    for name in sorted({*corruptions.names(), *of_suites}):
        where = [s for s, suite in suites.items() if name in {c.name for c in suite.corruptions}]
        table.add_row(name, ", ".join(where))
    return table


def _suites() -> Table:
    table = _table("suite", "conditions", "what it is")
    for name in names("corruptions"):
        suite = parse(*_suite(name))
        table.add_row(name, str(len(suite.conditions)), suite.description)
    return table


def _suite(name: str) -> tuple[dict[str, object], str]:
    content, path = read_toml("corruptions", name)
    return content, str(path)


def _runs() -> Table:
    table = _table("run", "state", "detectors", "what it is")
    for name in names("runs"):
        content, _ = read_toml("runs", name)
        detectors = ", ".join(content.get("detectors", []))
        table.add_row(name, "shipped", detectors, content.get("description", ""))
    for note in sorted(Path("runs").glob("*/run.json")):
        run = json.loads(note.read_text(encoding="utf-8"))
        detectors = ", ".join(run["run"]["detectors"])
        table.add_row(str(note.parent), f"finished {run['date'][:10]}", detectors, run["command"])
    return table


def describe_images(data: list[str]) -> list[RenderableType]:
    """What mimbench sees in folders or CSV files: per folder a table of categories, then notes."""
    images, rejected, notes = survey(data)
    parts: list[RenderableType] = []
    for dataset, own in images.groupby("dataset", sort=False):
        table = _table("category", "images", "patients", "width x height")
        for category, group in own.groupby("category"):
            table.add_row(str(category), str(len(group)), _patients(group), _sizes(group))
        parts += [Text(str(dataset), style="bold"), table]
    parts += [Text(note, style="dim") for note in notes]
    for path, reason in rejected[["path", "reason"]].itertuples(index=False):
        parts.append(Text(f"rejected: {path}: {reason}", style="yellow"))
    return parts


def _patients(group: pd.DataFrame) -> str:
    unknown = int((group["patient"] == "").sum())
    return "not given" if unknown == len(group) else str(group["patient"].nunique())


def _sizes(group: pd.DataFrame) -> str:
    sizes = sorted({f"{w}x{h}" for w, h in zip(group["width"], group["height"], strict=True)})
    return sizes[0] if len(sizes) == 1 else f"{len(sizes)} sizes"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


_LISTINGS = {
    "detectors": _detectors,
    "corruptions": _corruptions,
    "suites": _suites,
    "runs": _runs,
}
