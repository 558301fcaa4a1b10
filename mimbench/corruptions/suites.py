"""Suites: named lists of corruptions and severities, the columns of the benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mimbench.corruptions.core.checks import SEVERITIES
from mimbench.corruptions.custom import define
from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.engine import builtin
from mimbench.errors import CorruptionError, UnknownNameError

__all__ = ["Suite", "parse"]

_FIELDS = ("name", "description", "severities", "corruptions", "corruption")


@dataclass(frozen=True)
class Suite:
    """A named list of corruptions.

    Attributes:
        name: as in `corruptions/<name>.toml`.
        description: one sentence, or empty.
        corruptions: the built-in ones, then those defined in the file, in its order.
        severities: ascending, from 1..5.
    """

    name: str
    description: str
    corruptions: tuple[Corruption, ...]
    severities: tuple[int, ...]

    @property
    def conditions(self) -> tuple[tuple[str, int], ...]:
        """(corruption, severity) in the order of the file; without "clean"."""
        return tuple((c.name, severity) for c in self.corruptions for severity in self.severities)

    def corruption(self, name: str) -> Corruption:
        """The corruption of this name.

        Raises:
            UnknownNameError: the suite has none.
        """
        for corruption in self.corruptions:
            if corruption.name == name:
                return corruption
        raise UnknownNameError(f"corruption in suite '{self.name}'", name, self._names)

    def describe(self) -> dict[str, Any]:
        """All that the pixels of this suite depend on, as JSON values."""
        return {
            "name": self.name,
            "severities": list(self.severities),
            "corruptions": [corruption.describe() for corruption in self.corruptions],
        }

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(corruption.name for corruption in self.corruptions)


def parse(table: Mapping[str, Any], where: str) -> Suite:
    """Build a suite from the content of its TOML file.

    Args:
        table: `name`, `description`, and `corruptions` (names of built-in ones) or `[[corruption]]`
            tables (as `custom.define` reads them) or both; optionally `severities`.
        where: the file, for error messages.

    Raises:
        CorruptionError: a field is missing, unknown or of the wrong kind.
        UnknownNameError: a corruption or kernel that does not exist.
    """
    for field in table:
        if field not in _FIELDS:
            raise CorruptionError(
                f"{where}: a suite has no field '{field}'; fields are {', '.join(_FIELDS)}."
            )
    return Suite(
        name=_text(table, "name", where),
        description=_text(table, "description", where) if "description" in table else "",
        corruptions=_corruptions(table, where),
        severities=_severities(table.get("severities", list(SEVERITIES)), where),
    )


def _text(table: Mapping[str, Any], field: str, where: str) -> str:
    value = table.get(field)
    if not isinstance(value, str) or not value:
        raise CorruptionError(f"{where}: '{field}' must be a text, not {value!r}.")
    return value


def _severities(value: Any, where: str) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or not value
        or any(isinstance(item, bool) or item not in SEVERITIES for item in value)
        or value != sorted(set(value))
    ):
        raise CorruptionError(
            f"{where}: 'severities' must be an ascending list of integers from 1 to 5, "
            f"not {value!r}."
        )
    return tuple(int(item) for item in value)


def _corruptions(table: Mapping[str, Any], where: str) -> tuple[Corruption, ...]:
    names, definitions = table.get("corruptions", []), table.get("corruption", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CorruptionError(f"{where}: 'corruptions' must be a list of names, not {names!r}.")
    if not isinstance(definitions, list) or not all(
        isinstance(definition, dict) for definition in definitions
    ):
        raise CorruptionError(f"{where}: define each corruption under [[corruption]].")
    found = tuple(builtin(name) for name in names)
    found += tuple(define(definition, where) for definition in definitions)
    if not found:
        raise CorruptionError(
            f"{where}: a suite needs 'corruptions', a list of at least one name, or [[corruption]]."
        )
    listed = [corruption.name for corruption in found]
    doubled = [name for name in listed if listed.count(name) > 1]
    if doubled:
        raise CorruptionError(f"{where}: the corruption '{doubled[0]}' is listed twice.")
    return found
