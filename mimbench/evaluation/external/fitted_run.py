"""What of a finished run is needed to score further images with its fits."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mimbench.errors import DetectorError, TableError
from mimbench.recipes import Recipe, read_recipe
from mimbench.registry import is_installed
from mimbench.runfolder.info import RunInfo, require_run_info
from mimbench.runfolder.started_in import start_folder
from mimbench.scores.reading import read_tables
from mimbench.scores.run_files import refuse_links
from mimbench.scores.tables import RECORD, RunTables

__all__ = ["FittedRun", "read_fitted_run"]

SMALLEST, LARGEST = 16, 4096  # side at which images can have been kept, pixels


@dataclass(frozen=True)
class FittedRun:
    """A finished run whose detectors may be built here.

    Attributes:
        folder: of the run.
        info: contents of its run.json.
        recipes: of its detectors whose code may be imported.
        foreign: code of the others, by the name of the detector.
        canonical_size: side at which its images were kept, pixels.
        started: folder from which the paths in its recipes lead.
    """

    folder: Path
    tables: RunTables
    info: RunInfo
    recipes: tuple[Recipe, ...]
    foreign: Mapping[str, str]
    canonical_size: int
    started: Path

    def require(self, detectors: Iterable[str]) -> None:
        """Raise `DetectorError` if the code of one of these detectors may not be imported."""
        codes = dict.fromkeys(self.foreign[name] for name in detectors if name in self.foreign)
        if codes:
            raise DetectorError(
                f"{self.folder / RECORD} names code that is not part of mimbench: "
                f"{', '.join(codes)}. {_to_trust(codes)}"
            )

    @property
    def left_out(self) -> str:
        """A note on the detectors whose code may not be imported; empty if there are none."""
        if not self.foreign:
            return ""
        return (
            f"Left out, because their code is not part of mimbench: {', '.join(self.foreign)}. "
            f"{_to_trust(self.foreign.values())}"
        )

    def recipe(self, name: str) -> Recipe:
        """The recipe of a detector.

        Raises:
            TableError: run.json has none of this name.
        """
        for recipe in self.recipes:
            if recipe.name == name:
                return recipe
        raise TableError(f"{self.folder / RECORD} has no recipe of the detector '{name}'.")


def read_fitted_run(
    folder: Path, plug_ins: Sequence[str] = (), *, accept_changed: bool = False
) -> FittedRun:
    """Read a finished run, without the detectors whose code only its folder names.

    Args:
        folder: of the run.
        plug_ins: files, modules and recipes (.toml) whose code may be imported; paths lead from
            the working folder.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        TableError: no finished run, or one with rows made elsewhere.
        RecipeError: a file among `plug_ins` is no recipe.
    """
    tables = read_tables(folder, accept_changed=accept_changed)
    refuse_links(folder, store=True)
    info = require_run_info(folder, accept_changed=accept_changed)
    if info.added:
        raise TableError(
            f"{folder} has rows made elsewhere, which score nothing; use the run itself."
        )
    size = info.canonical_size
    if size is None or not SMALLEST <= size <= LARGEST:
        raise TableError(
            f"{folder / RECORD}: canonical_size must be from {SMALLEST} to {LARGEST}, not {size}."
        )
    recipes = tuple(detector.recipe(folder / RECORD) for detector in info.detectors)
    started = start_folder(info)
    foreign = _foreign(recipes, plug_ins, started)
    allowed = tuple(recipe for recipe in recipes if recipe.name not in foreign)
    return FittedRun(folder, tables, info, allowed, foreign, size, started)


def _to_trust(codes: Iterable[str]) -> str:
    flags = " ".join(f"--detector {shlex.quote(code)}" for code in dict.fromkeys(codes))
    return f"If you trust it, say so: {flags}."


def _foreign(recipes: Iterable[Recipe], allowed: Sequence[str], started: Path) -> dict[str, str]:
    """Code that may not be imported, by the name of the detector: neither installed nor allowed.

    Reading a folder must not run its code, nor a file of the same name from elsewhere.
    """
    here = Path.cwd()
    given = [read_recipe(name).detector if name.endswith(".toml") else name for name in allowed]
    trusted = {_spelt_out(name, here) for name in given}
    codes = ((recipe, _spelt_out(recipe.detector, started)) for recipe in recipes)
    return {
        recipe.name: code
        for recipe, code in codes
        if not (is_installed(recipe.detector) or code in trusted)
    }


def _spelt_out(name: str, folder: Path) -> str:
    """A plug-in's name; of one in a file with its whole path, where relative ones lead from."""
    module, colon, attribute = name.rpartition(":")
    if not module.endswith(".py"):
        return name
    return f"{(folder / module).resolve()}{colon}{attribute}"
