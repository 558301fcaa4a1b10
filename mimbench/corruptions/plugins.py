"""Families of corruptions that installed packages bring.

A package names a `Family` in the entry point group `mimbench.corruptions`. The name of the entry
point is then a corruption, for `corruptions` of a suite, and a kernel, for its `[[corruption]]`.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from mimbench.corruptions.catalogue import KERNELS
from mimbench.corruptions.core.checks import SEVERITIES
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.errors import CorruptionError, UnknownNameError
from mimbench.registry import resolve, sources, where

__all__ = ["CORRUPTION_GROUP", "Family", "family", "family_names", "kernel", "source_digest"]

CORRUPTION_GROUP = "mimbench.corruptions"


@dataclass(frozen=True)
class Family:
    """Corruptions of one kind from a package.

    Attributes:
        run: (images, draws, result, *, one keyword argument per parameter) writes the corrupted
            images into `result`, see `mimbench.corruptions.core.kernel.Kernel`.
        parameters: what a severity sets, by name.
        severities: values of each parameter at severity 1 to 5.
    """

    run: Callable[..., None]
    parameters: Mapping[str, Parameter]
    severities: Mapping[str, tuple[float, ...]]


def family_names() -> tuple[str, ...]:
    """Names of the families of installed packages; their code is not imported."""
    return tuple(sorted(_entry_points()))


@cache
def family(name: str) -> Family:
    """The family of this name.

    Raises:
        UnknownNameError: no installed package has one.
        CorruptionError: it is no family, or one with wrong parameters or a name that is taken.
        PluginError: its code fails when it is imported.
    """
    points = _entry_points()
    if name not in points:
        raise UnknownNameError("corruption of an installed package", name, points)
    place = f"The corruption '{name}' of {points[name].value}"
    found = resolve(points[name].value)
    if not isinstance(found, Family):
        raise CorruptionError(
            f"{place} is a {type(found).__name__}; it must be a mimbench.corruptions.Family."
        )
    if name in KERNELS or name == "clean":
        raise CorruptionError(f"{place} has the name of a built-in one; give it another.")
    if set(found.parameters) != set(found.severities):
        raise CorruptionError(
            f"{place} has the parameters {_listed(found.parameters)} but severities for "
            f"{_listed(found.severities)}; give five values to each parameter."
        )
    for field, values in found.severities.items():
        own = found.parameters[field]
        fits = [math.isfinite(value) and own.low <= value <= own.high for value in values]
        if len(values) != len(SEVERITIES) or not all(fits):
            raise CorruptionError(
                f"{place}: '{field}' must have five values from {own.low:g} to {own.high:g}, one "
                f"for each severity, not {tuple(values)}."
            )
    return found


def kernel(name: str) -> Kernel:
    """The kernel of this name, built in or from a package.

    Raises:
        UnknownNameError: there is none.
    """
    if name in KERNELS:
        return KERNELS[name]
    points = _entry_points()
    if name not in points:
        raise UnknownNameError("kernel", name, [*KERNELS, *points])
    own = family(name)
    return Kernel(name, _with_place(own.run, points[name].value), own.parameters)


@cache
def source_digest(name: str) -> str:
    """SHA-256 of the package's code that a kernel comes from; empty for a built-in one.

    Pixels depend on the code, so what is cached must too: other code is another corruption.
    """
    if name in KERNELS:
        return ""
    digest = hashlib.sha256()
    for path in sources(_entry_points()[name].value):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=CORRUPTION_GROUP)}


def _with_place(run: Callable[..., None], value: str) -> Callable[..., None]:
    """The same function, whose errors name the line of the package that they arose in."""

    def run_or_name_the_line(*arguments: object, **parameters: float) -> None:
        try:
            run(*arguments, **parameters)
        except Exception as error:
            place = where(value, error)
            raise CorruptionError(f"{place}{type(error).__name__}: {error}") from error

    return run_or_name_the_line


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "none"
