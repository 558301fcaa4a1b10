"""What can be named, and what folders of images hold, for the terminal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mimbench import corruptions
from mimbench.claims import read_claims
from mimbench.corruptions.catalogue import KERNELS
from mimbench.corruptions.plugins import family_names
from mimbench.data.audit import Audit, audit
from mimbench.data.dataset import Dataset, gather, survey
from mimbench.data.options import ImageOptions
from mimbench.data.sets.facts import DataSet, data_set, set_names
from mimbench.errors import UnknownNameError
from mimbench.evaluation.planning.suites import read_suite
from mimbench.recipes import names, read_recipe, read_toml, validate
from mimbench.registry import entry_point_names

__all__ = [
    "audit_images",
    "describe_images",
    "files_as_json",
    "images_as_json",
    "listing",
]


def listing(what: str = "") -> Table:
    """Table of everything of one kind; without a kind, of the kinds.

    Raises:
        UnknownNameError: there is no such list.
    """
    if not what:
        return _kinds()
    if what not in _LISTINGS:
        raise UnknownNameError("list", what, _LISTINGS)
    return _LISTINGS[what]()


def _kinds() -> Table:
    """What can be listed, how many there are of it, and what takes its names."""
    used = {
        "datasets": (len(set_names()), "public data sets that --data reads as published"),
        "detectors": (
            len(names("baselines")) + len(entry_point_names()),
            "recipes and installed plug-ins, for --detector",
        ),
        "corruptions": (
            len(_places_of_corruptions()),
            "what a suite can name: the columns of the score table",
        ),
        "kernels": (
            len(KERNELS) + len(family_names()),
            "what a corruption of your own is made of, with its parameters",
        ),
        "suites": (len(names("corruptions")), "lists of corruptions, for --suite"),
        "runs": (len(names("runs")), "run files, for mimbench run"),
        "claims": (len(names("claims")), "sets of claims, for mimbench verify --claims"),
    }
    table = _table("mimbench list", "number", "what they are")
    table.columns[1].justify = "right"
    for what in _LISTINGS:
        number, meaning = used[what]
        _add(table, what, str(number), meaning)
    return table


def _datasets() -> Table:
    table = _table("data set", "what is known of it")
    for name in set_names():
        _add(table, name, "\n".join(_facts(data_set(name))) + "\n")
    return table


def _facts(about: DataSet) -> list[str]:
    lines = [f"{about.title}. {about.description}", about.sentence]
    lines += [f"skin tone: {about.tone}"] * bool(about.tone)
    lines += [f"paper: {about.reference}"] * bool(about.reference)
    columns = about.columns.model_dump() if about.columns else {}
    used = [f"{name} from {' or '.join(found)}" for name, found in columns.items() if found]
    lines += [f"columns: {', '.join(used)}"] * bool(used)
    return [*lines, *(f"known fault: {fault}" for fault in about.faults)]


def _detectors() -> Table:
    table = _table("detector", "what it is")
    table.columns[0].no_wrap = True
    shipped = _called(read_toml("runs", "default")[0]).split(", ")
    for name in names("baselines"):
        recipe = read_recipe(name)
        own = recipe.headline or recipe.scores
        more = len(recipe.scores) - len(own)
        parts = [recipe.family, *["in the default run"] * (name in shipped)]
        parts += [f"scores {', '.join(own)}{f' and {more} more' * bool(more)}"] * bool(own)
        _add(table, name, f"{recipe.description}\n{'; '.join(parts)}\n")
    for name in entry_point_names():
        _add(table, name, "installed plug-in")
    return table


def _corruptions() -> Table:
    table = _table("corruption", "in the suites")
    for name, places in _places_of_corruptions().items():
        _add(table, name, ", ".join(places))
    return table


def _places_of_corruptions() -> dict[str, list[str]]:
    """Corruptions by name, each with the suites that have it."""
    suites = {name: {c.name for c in read_suite(name).corruptions} for name in names("corruptions")}
    plugins = family_names()
    return {
        name: [
            *(suite for suite, own in suites.items() if name in own),
            *(["installed plug-in"] * (name in plugins)),
        ]
        for name in sorted({*corruptions.names(), *set().union(*suites.values())})
    }


def _kernels() -> Table:
    table = _table("kernel", "parameter", "from", "to", "meaning")
    for name in sorted(KERNELS):
        for k, (field, own) in enumerate(KERNELS[name].parameters.items()):
            limits = [f"{end:g}" for end in (own.low, own.high)]
            _add(table, name if k == 0 else "", field, *limits, own.meaning)
    for name in family_names():
        _add(table, name, "", "", "", "installed plug-in")
    return table


def _suites() -> Table:
    table = _table("suite", "conditions", "what it is")
    for name in names("corruptions"):
        suite = read_suite(name)
        _add(table, name, str(len(suite.conditions)), suite.description)
    return table


def _runs() -> Table:
    table = _table("run", "detectors", "what it is")
    for name in names("runs"):
        content, _ = read_toml("runs", name)
        _add(table, name, _called(content), content.get("description", ""))
    return table


def _claims() -> Table:
    table = _table("claims", "number", "what they are")
    for name in names("claims"):
        stated = read_claims(name)
        _add(table, name, str(len(stated.claim)), stated.description)
    return table


def _called(run: Mapping[str, Any]) -> str:
    """Names of a run's detectors, which stand there as names or as whole recipes."""
    specs = run.get("detectors", [])
    return ", ".join(
        spec if isinstance(spec, str) else spec.get("name") or spec["extends"] for spec in specs
    )


def describe_images(found: Dataset) -> list[RenderableType]:
    """What mimbench sees in folders or CSV files: per folder a table of categories, then notes."""
    parts: list[RenderableType] = []
    for dataset, own in found.table.groupby("dataset", sort=False):
        table = _table("category", "images", "patients", "width x height")
        for category, group in own.groupby("category"):
            patients = str(group["patient"].nunique())
            _add(table, str(category), str(len(group)), patients, _sizes(group))
        parts += [Text(str(dataset), style="bold"), table]
    parts += [Text(note, style="dim") for note in found.notes]
    for path, reason in found.rejected[["path", "reason"]].itertuples(index=False):
        parts.append(Text(f"rejected: {path}: {reason}", style="yellow"))
    return parts


def images_as_json(found: Dataset) -> dict[str, Any]:
    """The same for a program."""
    counts = [
        {
            "dataset": dataset,
            "category": category,
            "images": len(group),
            "patients": group["patient"].nunique(),
        }
        for (dataset, category), group in found.table.groupby(["dataset", "category"], sort=False)
    ]
    return {"categories": counts, **files_as_json(found)}


def files_as_json(found: Dataset) -> dict[str, Any]:
    """What became of each file, for a program."""
    unread = found.unread.to_dict("records")
    return {"files": found.accounting.as_json(), "unread": unread, "notes": list(found.notes)}


def audit_images(
    data: list[str],
    target: str | None,
    roles: Mapping[str, list[str] | None],
    harmonise: bool,
    backbone: str | None = None,
    weights: str = "imagenet",
    columns: str | None = None,
    patients: str | None = None,
) -> tuple[Audit, Dataset]:
    """Audit folders or CSV files, with roles if any are named, else as one collection each.

    With a backbone, pictures that only its features find alike are reported too.
    """
    named = {role: places for role, places in roles.items() if places}
    if target is None and not named:
        found = survey(data, harmonise=harmonise, columns=columns, patients=patients)
    else:
        given = {"columns": columns, "patients": patients}
        told = {name: value for name, value in given.items() if value is not None}
        table = {"data": data, "target": target, "harmonise": harmonise, **told, **named}
        found = gather(validate(ImageOptions, table, "data check"))
    if backbone is None:
        return audit(found), found
    from mimbench.detectors.networks.network import penultimate_features

    return audit(found, penultimate_features(backbone, weights, found.pixels)), found


def _sizes(group: pd.DataFrame) -> str:
    sizes = sorted({f"{w}x{h}" for w, h in zip(group["width"], group["height"], strict=True)})
    return sizes[0] if len(sizes) == 1 else f"{len(sizes)} sizes"


def _add(table: Table, *cells: str) -> None:
    """A row of text as it is: names may look like rich's markup."""
    table.add_row(*map(Text, cells))


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


_LISTINGS = {
    "datasets": _datasets,
    "detectors": _detectors,
    "corruptions": _corruptions,
    "kernels": _kernels,
    "suites": _suites,
    "runs": _runs,
    "claims": _claims,
}
