"""What of a finished run is needed to score further images with its fits."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from mimbench.errors import DetectorError, TableError
from mimbench.recipes import Recipe, validate
from mimbench.registry import is_installed
from mimbench.runfolder.started_in import KEY, start_folder
from mimbench.scores.run_files import refuse_links
from mimbench.scores.tables import RECORD, RunTables, read_record, read_tables

__all__ = ["FittedRun", "read_fitted_run"]


@dataclass(frozen=True)
class FittedRun:
    """A finished run whose detectors may be built here.

    Attributes:
        folder: of the run.
        recipes: of its detectors.
        canonical_size: side at which its images were kept, pixels.
        harmonise: whether they were harmonised.
        plan_seed: of its splits.
        started: folder from which the paths in its recipes lead.
    """

    folder: Path
    tables: RunTables
    recipes: tuple[Recipe, ...]
    canonical_size: int
    harmonise: bool
    plan_seed: int
    started: Path

    def recipe(self, name: str) -> Recipe:
        """The recipe of a detector.

        Raises:
            TableError: run.json has none of this name.
        """
        for recipe in self.recipes:
            if recipe.name == name:
                return recipe
        raise TableError(f"{self.folder / 'run.json'} has no recipe of the detector '{name}'.")


class _Data(BaseModel):
    harmonise: bool = False


class _Run(BaseModel):
    data: _Data
    plan_seed: int = 0


class _Metadata(BaseModel):
    """What of run.json is needed."""

    canonical_size: int = Field(ge=16, le=4096)
    run: _Run
    detectors: list[dict[str, Any]]
    added: list[Any] = Field(default_factory=list)
    folder: Any = None

    def recipes(self, where: Path) -> tuple[Recipe, ...]:
        """Recipes of the run's detectors, without what run.json says about them beside."""
        fields = [
            {name: known[name] for name in Recipe.model_fields if name in known}
            for known in self.detectors
        ]
        return tuple(validate(Recipe, own, where / RECORD) for own in fields)


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
    about = _read_metadata(folder, accept_changed)
    if about.added:
        raise TableError(
            f"{folder} has rows made elsewhere, which score nothing; use the run itself."
        )
    recipes = about.recipes(folder)
    started = start_folder({KEY: about.folder})
    _check_code(recipes, plug_ins, folder, started)
    data = about.run.data
    return FittedRun(
        folder, tables, recipes, about.canonical_size, data.harmonise, about.run.plan_seed, started
    )


def _check_code(
    recipes: Iterable[Recipe], allowed: Sequence[str], run: Path, started: Path
) -> None:
    """Reading a folder must not run its code, nor a file of the same name from elsewhere."""
    trusted = {_spelt_out(name, Path.cwd()) for name in allowed}
    for recipe in recipes:
        code = _spelt_out(recipe.detector, started)
        if not (is_installed(recipe.detector) or code in trusted):
            raise DetectorError(
                f"{run / 'run.json'} names code that is not part of mimbench: {code}. "
                f"If you trust it, say so: --detector {shlex.quote(code)}."
            )


def _spelt_out(name: str, folder: Path) -> str:
    """A plug-in's name; of one in a file with its whole path, where relative ones lead from."""
    module, colon, attribute = name.rpartition(":")
    if not module.endswith(".py"):
        return name
    return f"{(folder / module).resolve()}{colon}{attribute}"


def _read_metadata(folder: Path, accept_changed: bool) -> _Metadata:
    content, _ = read_record(folder, accept_changed=accept_changed)
    if not content:
        raise TableError(
            f"{folder / RECORD} does not exist; is {folder} the folder of a finished run?"
        )
    return validate(_Metadata, content, folder / RECORD)
