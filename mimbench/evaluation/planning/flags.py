"""From the command's flags to a run file: what the flags say, else what the file says."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mimbench.errors import RecipeError
from mimbench.evaluation.planning.plan import RunFile
from mimbench.recipes import read_toml, validate

__all__ = ["Flags", "resolve_run"]

DATA_FLAGS = (
    "data",
    "target",
    "known",
    "unknown",
    "abnormal",
    "external",
    "canonical_size",
    "layout",
    "harmonise",
)
RUN_FLAGS = (
    "severities",
    "folds",
    "seeds",
    "plan_seed",
    "given_fold",
    "swap",
    "known_curve",
    "leave_out_groups",
    "corruption_engine",
    "corruption_scale",
    "device",
    "gallery",
)
# Flags that can make a run something else than its description says.
DESCRIBED = (
    *("only", "detector", "suite", "severities", "corruption_scale", "folds", "seeds", "swap"),
)


@dataclass(frozen=True)
class Flags:
    """Flags of `mimbench run`; None where the user said nothing."""

    data: list[str] | None = None
    target: str | None = None
    known: list[str] | None = None
    unknown: list[str] | None = None
    abnormal: list[str] | None = None
    external: list[str] | None = None
    canonical_size: int | None = None
    layout: str | None = None
    harmonise: bool | None = None
    detector: list[str] | None = None
    only: list[str] | None = None
    suite: list[str] | None = None
    severities: str | None = None
    folds: int | None = None
    seeds: int | None = None
    plan_seed: int | None = None
    given_fold: int | None = None
    swap: list[str] | None = None
    known_curve: str | None = None
    leave_out_groups: int | None = None
    corruption_engine: str | None = None
    corruption_scale: int | None = None
    device: str | None = None
    gallery: bool | None = None

    def given(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The flags among `names` that the user gave."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: values[name] for name in names if values[name] not in (None, [])}


def resolve_run(name: str, flags: Flags) -> RunFile:
    """The run that a file (or a shipped run's name) and the flags describe together.

    Flags win over the file. With `--data`, the file's own images are left out altogether, and what
    it says of their categories: its unknown folders and its swap category belong to other data.
    """
    table, path = read_toml("runs", name)
    given = flags.given(DATA_FLAGS)
    for field, kind in (("data", dict), ("detectors", list), ("suites", list)):
        if not isinstance(table.get(field, kind()), kind):
            raise RecipeError(f"{path}: '{field}' must be a {_KINDS[kind]}.")
    own = dict(table.get("data", {}))
    if "data" in given and own:
        own = {}
        table.pop("swap", None)
        table.pop("description", None)
    table = {"name": path.stem, **table, **flags.given(RUN_FLAGS), "data": {**own, **given}}
    if "data" in given and name == "default":
        table["name"] = _slug(given["data"][0])
    if flags.only:
        table["detectors"] = list(flags.only)
    table["detectors"] = [*table.get("detectors", []), *(flags.detector or [])]
    if flags.suite:
        table["suites"] = [] if flags.suite == ["none"] else list(flags.suite)
    changed = flags.given((*DESCRIBED, *(DATA_FLAGS if own else ())))
    if changed and table.get("description"):
        names = ", ".join(f"--{flag.replace('_', '-')}" for flag in changed)
        table["description"] = f"{table['description']} Changed by {names}."
    if not table["data"].get("data"):
        raise RecipeError(f"{path} names no images; give them with --data FOLDER.")
    return validate(RunFile, table, path)


_KINDS = {dict: "table, [data]", list: "list of names"}


def _slug(data: str) -> str:
    """A run's name from a folder's: plain letters, digits and hyphens."""
    stem = Path(data).resolve().stem.lower()
    kept = [letter if letter.isascii() and letter.isalnum() else "-" for letter in stem]
    return "".join(kept).strip("-") or "run"
