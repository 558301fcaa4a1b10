"""Recipes: TOML files that name a detector, its parameters and the scores it yields.

`baselines/*.toml` are the rows of the table and `corruptions/*.toml` its columns. They ship in the
wheel below `mimbench/_recipes` and stand at the top level of a checkout.
"""

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mimbench.errors import RecipeError, UnknownNameError
from mimbench.problems import flag_of, problems
from mimbench.text import printable

__all__ = [
    "LARGEST",
    "Kind",
    "Recipe",
    "content_hash",
    "derive",
    "names",
    "parse_toml",
    "read_recipe",
    "read_toml",
    "shipped",
    "validate",
]

Kind = Literal["baselines", "corruptions", "runs", "claims", "sets", "templates"]
Model = TypeVar("Model", bound=BaseModel)

PACKAGE = Path(__file__).parent
LARGEST = 2**63 - 1  # of an integer in a file
DEEPEST = 20  # tables and lists in each other


class Recipe(BaseModel):
    """One detector of a run: what to build, with which parameters, and which scores to keep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
    detector: str
    description: str = ""
    reference: str = ""
    family: str = "plug-in"
    control: bool = False
    input_size: int | None = Field(default=None, ge=16, le=1024)  # None: the canonical size
    scores: tuple[str, ...] = ()  # empty: whatever the detector yields
    headline: tuple[str, ...] = ()  # empty: all scores
    parameters: dict[str, Any] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _no_column(cls, name: str) -> str:
        if name == "image_id":
            raise ValueError("image_id is the name of a column of the tables; choose another")
        return name

    def row(self, score: str) -> str:
        """Name of the table's row for one of the detector's scores."""
        return f"{self.name}/{score}" if score else self.name


def shipped(kind: Kind) -> Path:
    """Folder of the recipes that come with mimbench, installed or in a checkout."""
    if kind == "runs":
        return PACKAGE / "runs"
    if kind in ("claims", "templates"):
        return PACKAGE / "runs" / kind
    if kind == "sets":
        return PACKAGE / "data" / "sets"
    installed = PACKAGE / "_recipes" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind


def names(kind: Kind) -> tuple[str, ...]:
    """Names of the shipped recipes of one kind, sorted."""
    return tuple(sorted(path.stem for path in shipped(kind).glob("*.toml")))


def read_toml(kind: Kind, name: str) -> tuple[dict[str, Any], Path]:
    """Read a shipped recipe by its name, or any TOML file by its path.

    Returns:
        The table and the path it was read from.

    Raises:
        UnknownNameError: neither a shipped name nor an existing file.
        RecipeError: as for `parse_toml`.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if name not in names(kind):
            raise UnknownNameError(_WORD[kind], name, names(kind))
        path = shipped(kind) / f"{name}.toml"
    return parse_toml(path), path


def parse_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file whose values everything that follows can hold.

    Raises:
        RecipeError: there is no such file, it is not TOML, or a value in it is not finite, too
            large, a text with control characters, or nested too deeply.
    """
    if not path.is_file():
        raise RecipeError(f"There is no file {path}.")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # of tomllib, of decoding, of too many digits
        raise RecipeError(f"{path} is not valid TOML: {error}.") from error
    _check(table, path, ())
    return table


def _check(value: Any, path: Path, place: tuple[str, ...]) -> None:
    wrong = ""
    if isinstance(value, float) and not math.isfinite(value):
        wrong = f"is {value}; numbers must be finite"
    elif isinstance(value, int) and abs(value) > LARGEST:
        wrong = "is an integer of more than 64 bits"
    elif isinstance(value, str) and value != printable(value):
        wrong = f"has control characters: {printable(value)}"
    elif len(place) > DEEPEST:
        wrong = "is nested too deeply"
    if wrong:
        field = ".".join(map(printable, place[:4]))
        raise RecipeError(f"{path}: {field} {wrong}.")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check(name, path, (*place, name))
            _check(inner, path, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, path, (*place, str(number)))


def read_recipe(name: str) -> Recipe:
    """Read the recipe of a detector, by shipped name or path to a TOML file."""
    table, path = read_toml("baselines", name)
    return derive(table, path)


def derive(table: Mapping[str, Any], where: Path | str, above: tuple[str, ...] = ()) -> Recipe:
    """The recipe that a table describes, which may extend another one.

    Args:
        table: fields of a recipe; `extends` names a shipped recipe or a file (.toml) whose fields
            hold where the table says nothing. Parameters are merged one by one.
        where: file that the table stands in; a file in `extends` is found from its folder.
        above: recipes that are being extended, to notice a circle.

    Raises:
        RecipeError: a field is wrong, or recipes extend each other in a circle.
        UnknownNameError: `extends` names no recipe.
    """
    own = dict(table)
    base = own.pop("extends", None)
    if base is None:
        _refuse_other_kinds(own, where)
        return validate(Recipe, own, where)
    if not isinstance(base, str) or not isinstance(own.get("parameters", {}), dict):
        raise RecipeError(f"{where}: 'extends' must be a name and 'parameters' a table.")
    if base.endswith(".toml"):
        base = str(Path(where).parent / base)
    if base in above:
        raise RecipeError(f"{where}: recipes extend each other in a circle: {' > '.join(above)}.")
    inherited, path = read_toml("baselines", base)
    fields = derive(inherited, path, (*above, base)).model_dump()
    parameters = {**fields["parameters"], **own.get("parameters", {})}
    return validate(Recipe, {**fields, **own, "parameters": parameters}, where)


def _refuse_other_kinds(table: Mapping[str, Any], where: Path | str) -> None:
    """Name a TOML file that is something else than a recipe, instead of its unknown fields."""
    if "detector" in table:
        return
    for fields, what in _OTHER_KINDS.items():
        if not table.keys().isdisjoint(fields):
            raise RecipeError(f"{where} is {what}. A recipe of a detector has a field 'detector'.")


def validate(
    model: type[Model],
    table: dict[str, Any],
    where: Path | str,
    flags: Mapping[tuple[str, ...], str] = MappingProxyType({}),
) -> Model:
    """Build `model` from a TOML or JSON table; nothing is converted but integers to floats.

    Args:
        model: what the table describes.
        table: its fields.
        where: file that they stand in.
        flags: those that the user gave instead, such as "--folds", by the path of the field.

    Raises:
        RecipeError: a field is wrong; it names the file and the field, or the flag, and what would
            be right.
    """
    try:
        return model.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        said = problems(error, model, flags=flags, table=table)
        by_flags = all(flag_of(one["loc"], flags) for one in error.errors(include_url=False))
        raise RecipeError(f"{said}." if by_flags else f"{where}: {said}.") from error


def content_hash(content: Any) -> str:
    """SHA-256 (hex) of anything that JSON can hold; equal content gives equal hashes."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


_OTHER_KINDS = {
    ("corruptions", "corruption"): "a suite of corruptions; --suite takes it",
    ("detectors", "suites"): "a run file; `mimbench run` takes it",
    ("claim",): "a file of claims; `mimbench verify --claims` takes it",
}
_WORD = {
    "baselines": "detector",
    "corruptions": "suite",
    "runs": "run",
    "claims": "set of claims",
    "sets": "data set",
    "templates": "template",
}
