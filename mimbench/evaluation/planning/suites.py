"""Suites of corruptions by name: the recipe that `mimbench.corruptions` makes a suite of."""

from mimbench.corruptions.suites import Suite, parse
from mimbench.recipes import read_toml

__all__ = ["read_suite"]


def read_suite(name: str) -> Suite:
    """Read a suite by its shipped name or the path of a TOML file.

    Raises:
        UnknownNameError: neither a shipped suite nor a file.
        RecipeError: the file is not TOML.
        CorruptionError: a field is missing or wrong.
    """
    table, path = read_toml("corruptions", name)
    return parse(table, str(path))
