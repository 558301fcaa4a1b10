"""Corruptions defined in a suite's file: a kernel with parameters of the user's choice."""

import math
from collections.abc import Mapping
from typing import Any

from mimbench.corruptions.builtin import BUILTIN
from mimbench.corruptions.core.checks import SEVERITIES
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.plugins import family_names, kernel
from mimbench.errors import CorruptionError

__all__ = ["define"]


def define(table: Mapping[str, Any], where: str) -> Corruption:
    """Build a corruption from a `[[corruption]]` table.

    Args:
        table: `name`, `kernel` and every parameter of the kernel: five numbers, or one number for
            all severities.
        where: the file, for error messages.

    Raises:
        CorruptionError: a field is missing, unknown, or outside its range.
        UnknownNameError: there is no such kernel.
    """
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise CorruptionError(f"{where}: every [[corruption]] needs a 'name', not {name!r}.")
    if not name[0].isalnum() or not name.isprintable():
        raise CorruptionError(f"{where}: the name {name!r} must begin with a letter or digit.")
    if set(name) & set("/\\"):
        raise CorruptionError(f"{where}: the name {name!r} names folders too; leave out / and \\.")
    if name in BUILTIN or name in family_names() or name == "clean":
        raise CorruptionError(
            f"{where}: '{name}' is built in and means the same in every table; give the "
            "redefinition a name of its own."
        )
    place = f"{where}, corruption '{name}'"
    own = _kernel(table.get("kernel"), place)
    given = {field: value for field, value in table.items() if field not in ("name", "kernel")}
    for field in given:
        if field not in own.parameters:
            raise CorruptionError(
                f"{place}: the kernel '{own.name}' has no parameter '{field}'; "
                f"it has {', '.join(own.parameters)}."
            )
    values = {
        field: _values(given.get(field), parameter, f"{place}: '{field}'")
        for field, parameter in own.parameters.items()
    }
    return Corruption(name, own.name, values)


def _kernel(name: Any, where: str) -> Kernel:
    if not isinstance(name, str):
        raise CorruptionError(f"{where}: 'kernel' must name a kernel, not {name!r}.")
    return kernel(name)


def _values(given: Any, parameter: Parameter, where: str) -> tuple[float, ...]:
    values = given if isinstance(given, list) else [given] * len(SEVERITIES)
    if given is None or len(values) != len(SEVERITIES):
        raise CorruptionError(
            f"{where} must be a list of five numbers, one for each severity, or one number for "
            f"all ({parameter.meaning}), not {given!r}."
        )
    for value in values:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or not parameter.low <= value <= parameter.high
            or (parameter.whole and value != int(value))
        ):
            kind = "a whole number" if parameter.whole else "a number"
            raise CorruptionError(
                f"{where} must be {kind} from {parameter.low:g} to {parameter.high:g} "
                f"({parameter.meaning}), not {value!r}."
            )
    return tuple(values)
