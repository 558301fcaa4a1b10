"""From the command's flags to a run file: what the flags say, else what the file says."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimbench.detectors.named import recipe_of
from mimbench.errors import MimbenchError, RecipeError, UnknownNameError
from mimbench.evaluation.planning.run_file import ADDED, MEASURED, ONLY, RunFile
from mimbench.flag import Flag, flags_of
from mimbench.recipes import Recipe, derive, names, read_toml, validate

__all__ = ["FLAGS", "from_elsewhere", "own_detectors", "resolve_run", "run_table", "separated"]

FLAGS = tuple(flags_of(RunFile, MEASURED))
KINDS = {dict: "table, [data]", list: "list of names"}


def resolve_run(name: str, given: Mapping[str, Any]) -> RunFile:
    """The run that a file (or a shipped run's name) and the flags describe together.

    Flags win over the file. With `--data`, the file's own images are left out altogether, and what
    it says of their categories: its unknown folders and its swap category belong to other data.

    Args:
        name: of a shipped run, or the path of a run file.
        given: what the user said, by the flags' names; None or an empty list is nothing.

    Raises:
        UnknownNameError: there is no such run.
        RecipeError: file and flags make no run; it names the field and what would be right.
    """
    try:
        table, path = run_table(name)
    except UnknownNameError as error:
        if Path(name).is_dir():
            raise RecipeError(f"{name} is a folder; give photos with --data {name}.") from error
        raise
    given = {**given, **separated(given)}
    if given.get(ONLY.name) or given.get(ADDED.name):
        given = {**given, **_named(table, given)}
    told = [flag for flag in FLAGS if flag.given_in(given)]
    own_images = bool(table.get("data"))
    if given.get("data") and own_images:
        own_images = False
        table = {key: table[key] for key in table if key not in ("data", "swap", "description")}
    table = {"name": path.stem, **table, "data": dict(table.get("data", {}))}
    if given.get("data") and name == "default":
        table["name"] = _slug(given["data"][0])
    for flag in sorted(told, key=lambda flag: flag.adds):
        _set(table, flag, given[flag.name])
    if any(flag.name == "suite" for flag in told) and not table["suites"]:
        of_suites = {"corruptions", "severities"} - {flag.path[-1] for flag in told}
        table = {key: value for key, value in table.items() if key not in of_suites}
    redefined = [flag for flag in told if flag.redefines or (own_images and len(flag.path) > 1)]
    if redefined and table.get("description"):
        options = ", ".join(flag.option for flag in redefined)
        table["description"] = f"{table['description']} Changed by {options}."
    if not table["data"].get("data") and set(table) <= set(RunFile.model_fields):
        raise RecipeError(f"{path} names no images; give them with --data FOLDER.")
    return validate(RunFile, table, path, {flag.path: flag.option for flag in told})


def from_elsewhere(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    """Say of each shipped recipe in `--only` that it is none of the run's own detectors.

    Args:
        name: as for `resolve_run`.
        given: as for `resolve_run`.

    Yields:
        A sentence each.
    """
    table, path = run_table(name)
    own = own_detectors(table)
    run = table.get("name", path.stem)
    for chosen in separated(given).get(ONLY.name, ()):
        if chosen in own or chosen not in names("baselines"):
            continue
        extend = [row for row, one in own.items() if one.base == chosen]
        has = f"{', '.join(extend)}, which extends it" if extend else ", ".join(own)
        told = f"--only {chosen}: the shipped recipe. Run '{run}' has none of that name"
        yield f"{told}; it has {has}."


def run_table(name: str) -> tuple[dict[str, Any], Path]:
    """What a run file says, and where it is."""
    table, path = read_toml("runs", name)
    for field, kind in (("data", dict), ("detectors", list), ("suites", list)):
        if not isinstance(table.get(field, kind()), kind):
            raise RecipeError(f"{path}: '{field}' must be a {KINDS[kind]}.")
    return table, path


def separated(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """The flags that take several values separated by commas, with each of them; no empty ones."""
    return {
        flag.name: [one for text in given[flag.name] for one in _values(text)]
        for flag in FLAGS
        if flag.separated and flag.given_in(given)
    }


def _values(text: str) -> list[str]:
    """What a text separated by commas names; a file may have a comma in its path."""
    file = text if text.endswith(".toml") else text.rpartition(":")[0]
    if os.path.exists(text) or os.path.exists(file):  # noqa: PTH110 - a long list is no error
        return [text]
    return [one for part in text.split(",") if (one := part.strip())] or [text]


def _named(table: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The chosen and the added detectors; those that the run has are as it describes them.

    Raises:
        UnknownNameError: there is no such detector.
    """
    own = own_detectors(table)
    chosen = [
        own[name].entry if name in own else _existing(name, own)
        for name in given.get(ONLY.name) or ()
    ]
    added = [_existing(name, {}) for name in given.get(ADDED.name) or ()]
    return {ONLY.name: chosen, ADDED.name: added}


def _existing(name: str, own: Iterable[str]) -> str:
    try:
        recipe_of(name)
    except UnknownNameError as error:
        raise UnknownNameError("detector", name, {*own, *error.known}) from error
    return name


@dataclass(frozen=True)
class OwnDetector:
    """A detector of a run file: the recipe, and the entry that it is made from."""

    entry: str | dict[str, Any]
    recipe: Recipe

    @property
    def base(self) -> str:
        """The recipe that an entry extends; empty if it is none in place."""
        return str(self.entry.get("extends", "")) if isinstance(self.entry, dict) else ""


def own_detectors(table: Mapping[str, Any]) -> dict[str, OwnDetector]:
    """A run file's detectors as they stand in it, by name; none that would end the run."""
    found = {}
    for one in table.get("detectors", ()):
        with suppress(MimbenchError):
            if isinstance(one, str | dict):
                recipe = recipe_of(one) if isinstance(one, str) else derive(one, "")
                found[recipe.name] = OwnDetector(one, recipe)
    return found


def _set(table: dict[str, Any], flag: Flag, value: Any) -> None:
    """Put what a flag says into the table of a run file."""
    *above, field = flag.path
    for name in above:
        table = table[name]
    if isinstance(value, list):
        if flag.empty in value and value != [flag.empty]:
            others = ", ".join(one for one in value if one != flag.empty)
            raise RecipeError(
                f"{flag.option} {flag.empty} stands for no value at all; leave out "
                f"'{flag.empty}', or {others}."
            )
        value = [] if value == [flag.empty] else list(value)
    table[field] = [*table.get(field, ()), *value] if flag.adds else value


def _slug(data: str) -> str:
    """A run's name from a folder's: plain letters, digits and hyphens."""
    stem = Path(data).resolve().stem.lower()
    kept = [letter if letter.isascii() and letter.isalnum() else "-" for letter in stem]
    return "".join(kept).strip("-") or "run"
