"""What pydantic found wrong in plain words: the field, the rule, and the value that broke it."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mimbench.text import printable

__all__ = ["flag_of", "problems"]

LONGEST = 60  # characters of a value that are shown

RULES: Mapping[str, str] = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "too_short": "needs {min_length} or more entries",
    "too_long": "can have {max_length} entries or fewer",
    "string_too_short": "needs {min_length} or more characters",
    "string_pattern_mismatch": "must match {pattern}",
}


def problems(
    error: ValidationError,
    model: type[BaseModel] | None = None,
    *,
    place: str = "",
    flags: Mapping[tuple[str, ...], str] = MappingProxyType({}),
    table: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """All problems in one line: "steps must be a whole number, not 45.5; width is missing".

    Args:
        error: as pydantic raised it.
        model: what was asked for; its fields are named where one is unknown.
        place: name of the value, where there is no model.
        flags: what the user wrote in place of a field, such as "--folds", by the field's path.
        table: what was validated; an entry of a list in it is called by its id or name.
    """
    errors = error.errors(include_url=False)
    wrong = {one["loc"][:depth] for one in errors for depth in range(len(one["loc"]))}
    # a list counts as too short without its wrong entries, which are told themselves
    errors = [one for one in errors if one["type"] != "too_short" or one["loc"] not in wrong]
    return "; ".join(_problem(one, model, place, flags, table) for one in errors)


def flag_of(place: Sequence[int | str], flags: Mapping[tuple[str, ...], str]) -> str:
    """The flag that set the field at a place, or one of its entries; empty if none did."""
    names = tuple(map(str, place))
    return next((flag for path, flag in flags.items() if names[: len(path)] == path), "")


def _problem(
    one: Mapping[str, Any],
    model: type[BaseModel] | None,
    place: str,
    flags: Mapping[tuple[str, ...], str],
    table: Mapping[str, Any],
) -> str:
    kind = one["type"]
    parts = [place, *_named(one["loc"], table)] if place else _named(one["loc"], table)
    field = flag_of(one["loc"], flags) or ".".join(parts) or "the file"
    if kind == "missing":
        return f"{field} is missing"
    if kind == "extra_forbidden":
        return f"unknown field {printable(field)}{_allowed(one['loc'], model)}"
    if kind == "value_error":
        return f"{field}: {one['ctx']['error']}"
    rule = RULES.get(kind)
    said = rule.format(**one.get("ctx", {})) if rule else one["msg"].lower()
    return f"{field} {said}, not {_shown(one['input'])}"


def _named(place: Sequence[int | str], table: Mapping[str, Any]) -> list[str]:
    """The parts of a place, where an entry of a list is called by its id or name if it has one."""
    parts: list[str] = []
    inner: Any = table
    for part in place:
        try:
            inner = inner[part]
        except (KeyError, IndexError, TypeError):  # what is missing, or a choice of pydantic's
            inner = None
        entry = inner if isinstance(part, int) and isinstance(inner, Mapping) else {}
        name = entry.get("id") or entry.get("name")
        parts.append(name if isinstance(name, str) else str(part))
    return parts


def _allowed(place: tuple[int | str, ...], model: type[BaseModel] | None) -> str:
    """The fields of the table in which the unknown one stands, where a model describes it."""
    inner: Any = model
    for part in place[:-1]:
        fields: Mapping[str, Any] = getattr(inner, "model_fields", {})
        if part in fields:
            inner = _model_in(fields[str(part)].annotation)
    found = getattr(inner, "model_fields", None)
    if not found:
        return ""
    near = get_close_matches(str(place[-1]), found, n=1, cutoff=0.75)
    meant = f", meant {near[0]}?" if near else ""
    return f"{meant}; allowed: {', '.join(found)}"


def _model_in(annotation: Any) -> Any:
    """The model of a field: itself, or that of the entries of a list or table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _shown(value: Any) -> str:
    form: Callable[[Any], str] = str if isinstance(value, bool) else repr
    text = printable(form(value)).replace("\n", " ")
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
