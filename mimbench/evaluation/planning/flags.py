"""From the command's flags to a run file: what the flags say, else what the file says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimbench.errors import RecipeError
from mimbench.evaluation.planning.run_file import MEASURED, RunFile
from mimbench.flag import Flag, flags_of
from mimbench.recipes import read_toml, validate

__all__ = ["FLAGS", "resolve_run"]

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
    table, path = read_toml("runs", name)
    for field, kind in (("data", dict), ("detectors", list), ("suites", list)):
        if not isinstance(table.get(field, kind()), kind):
            raise RecipeError(f"{path}: '{field}' must be a {KINDS[kind]}.")
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
    redefined = [flag for flag in told if flag.redefines or (own_images and len(flag.path) > 1)]
    if redefined and table.get("description"):
        options = ", ".join(flag.option for flag in redefined)
        table["description"] = f"{table['description']} Changed by {options}."
    if not table["data"].get("data") and set(table) <= set(RunFile.model_fields):
        raise RecipeError(f"{path} names no images; give them with --data FOLDER.")
    return validate(RunFile, table, path, {flag.path: flag.option for flag in told})


def _set(table: dict[str, Any], flag: Flag, value: Any) -> None:
    """Put what a flag says into the table of a run file."""
    *above, field = flag.path
    for name in above:
        table = table[name]
    if isinstance(value, list):
        value = [] if value == [flag.empty] else list(value)
    table[field] = [*table.get(field, ()), *value] if flag.adds else value


def _slug(data: str) -> str:
    """A run's name from a folder's: plain letters, digits and hyphens."""
    stem = Path(data).resolve().stem.lower()
    kept = [letter if letter.isascii() and letter.isalnum() else "-" for letter in stem]
    return "".join(kept).strip("-") or "run"
