"""Suites: named lists of corruptions and severities, the columns of the benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mimbench.corruptions.checks import SEVERITIES
from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.engine import builtin
from mimbench.errors import CorruptionError, UnknownNameError

__all__ = ["Suite", "parse"]

_FIELDS = ("name", "description", "severities", "corruptions")


@dataclass(frozen=True)
class Suite:
    """A named list of corruptions.

    Attributes:
        name: as in `corruptions/<name>.toml`.
        description: one sentence.
        corruptions: in the order of the file.
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
        table: `name`, `description`, `corruptions` (names) and optionally `severities`.
        where: the file, for error messages.

    Raises:
        CorruptionError: a field is missing, unknown or of the wrong kind.
        UnknownNameError: a corruption that does not exist.
    """
    for field in table:
        if field not in _FIELDS:
            raise CorruptionError(
                f"{where}: a suite has no field '{field}'; fields are {', '.join(_FIELDS)}."
            )
    return Suite(
        name=_text(table, "name", where),
        description=_text(table, "description", where),
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
    names = table.get("corruptions")
    if not isinstance(names, list) or not names:
        raise CorruptionError(f"{where}: 'corruptions' must be a list of at least one name.")
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise CorruptionError(f"{where}: the corruption '{doubled}' is listed twice.")
    return tuple(builtin(name) for name in names)
