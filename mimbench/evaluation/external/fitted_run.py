"""What of a finished run is needed to score further images with its fits."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mimbench.errors import DetectorError, TableError
from mimbench.recipes import Recipe
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
        recipes: of its detectors.
        canonical_size: side at which its images were kept, pixels.
        started: folder from which the paths in its recipes lead.
    """

    folder: Path
    tables: RunTables
    info: RunInfo
    recipes: tuple[Recipe, ...]
    canonical_size: int
    started: Path

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
    """Read a finished run, and refuse to import what only its folder names.

    Args:
        folder: of the run.
        plug_ins: files and modules that may be imported; paths lead from the working folder.
        accept_changed: take tables that were changed since the run wrote them too.

    Raises:
        TableError: no finished run, or one with rows made elsewhere.
        DetectorError: the run names code that is neither mimbench's, installed as a plug-in, nor
            among `plug_ins`.
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
    _check_code(recipes, plug_ins, folder, started)
    return FittedRun(folder, tables, info, recipes, size, started)


def _check_code(
    recipes: Iterable[Recipe], allowed: Sequence[str], run: Path, started: Path
) -> None:
    """Reading a folder must not run its code, nor a file of the same name from elsewhere."""
    trusted = {_spelt_out(name, Path.cwd()) for name in allowed}
    for recipe in recipes:
        code = _spelt_out(recipe.detector, started)
        if not (is_installed(recipe.detector) or code in trusted):
            raise DetectorError(
                f"{run / RECORD} names code that is not part of mimbench: {code}. "
                f"If you trust it, say so: --detector {shlex.quote(code)}."
            )


def _spelt_out(name: str, folder: Path) -> str:
    """A plug-in's name; of one in a file with its whole path, where relative ones lead from."""
    module, colon, attribute = name.rpartition(":")
    if not module.endswith(".py"):
        return name
    return f"{(folder / module).resolve()}{colon}{attribute}"
