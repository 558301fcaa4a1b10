"""Fill in what a run says of itself in run.json: settings, environment, digests of its tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mimbench.detectors.build import kind_of
from mimbench.evaluation.execution.tasks import TaskContext
from mimbench.files import digests_by_name, file_hash
from mimbench.recipes import Recipe
from mimbench.runfolder.info import DetectorInfo, RunInfo, RunSettings, write_run_info
from mimbench.runfolder.store import score_code
from mimbench.scores.tables import BESIDE, checksums

__all__ = ["record_run"]


def record_run(context: TaskContext, environment: Mapping[str, Any], command: str) -> None:
    """Write run.json, with the SHA-256 of the tables and files that are in the folder by now."""
    plan, folder = context.plan, context.folder
    files = _files(context)
    info = RunInfo(
        name=folder.resolve().name or plan.run.name,  # may be none that a run file may have
        command=command,
        folder=str(Path.cwd()),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        environment={**environment, "code": score_code()},
        checksums=checksums(folder),
        files={name: file_hash(folder / name) for name in BESIDE if (folder / name).is_file()},
        target=plan.dataset.target,
        canonical_size=plan.canonical_size,
        corruption_size=plan.corruption_size,
        notes=tuple(plan.dataset.notes),
        run=RunSettings.model_validate(plan.run.model_dump(mode="json")),
        detectors=tuple(_describe(recipe, files.get(recipe.name)) for recipe in plan.recipes),
    )
    write_run_info(folder, info)


def _describe(recipe: Recipe, files: dict[str, str] | None) -> DetectorInfo:
    kind = kind_of(recipe)
    return DetectorInfo(
        **recipe.model_dump(mode="json"),
        trains_on=kind.trains_on,
        open_set=tuple(kind.open_set),
        files=files,
    )


def _files(context: TaskContext) -> dict[str, dict[str, str]]:
    """SHA-256 of the files that decide what a detector computes, by detector and name."""
    return {
        context.plan.fits[position].recipe.name: digests_by_name(address.about["recipe"]["files"])
        for position, address in context.addresses.of.items()
    }
