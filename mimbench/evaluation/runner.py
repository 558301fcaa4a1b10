"""Run a plan: fit, score, and write the three tables."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from mimbench.claims import ClaimsFile
from mimbench.corruptions.plugins import source_digest
from mimbench.csv_files.writing import write_csv
from mimbench.data.fetch.places import located
from mimbench.data.near_duplicates import read_comparison
from mimbench.data.reading.accounting import Accounting
from mimbench.errors import OutputError
from mimbench.evaluation.auditing import add_larger_sizes, audit_images
from mimbench.evaluation.ensembles import combine_rows
from mimbench.evaluation.execution.environment import describe, usable_here
from mimbench.evaluation.execution.executor import Backend, threads_set_to
from mimbench.evaluation.execution.in_process import InProcess
from mimbench.evaluation.execution.performing import KeptFits
from mimbench.evaluation.execution.runtime_estimate import (
    RuntimeEstimate,
    estimate_runtime,
    plan_lines,
)
from mimbench.evaluation.execution.tasks import TaskContext, fit_tasks
from mimbench.evaluation.fitted_again import tell_fitted_again
from mimbench.evaluation.fitting import fit_addresses
from mimbench.evaluation.gallery import write as gallery
from mimbench.evaluation.outcome import Outcome, check_images, outcome_tables
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.records import record_run
from mimbench.evaluation.scoring import count_blocks, units
from mimbench.evaluation.stages import fit_all, score_all
from mimbench.evaluation.training_curves import write_curves
from mimbench.files import disk_full_as_error
from mimbench.progress import Progress
from mimbench.runfolder.derived import forget_derived
from mimbench.runfolder.history import HistoryProgress, RunHistory, read_attempts
from mimbench.runfolder.lock import check_free, locked
from mimbench.runfolder.store import Store
from mimbench.scores.run_files import STORE, check_new, refuse_links, remove_partials
from mimbench.scores.tables import AS_IS, AUDIT, RunTables, checksums
from mimbench.text import counted

__all__ = ["PlannedRun", "RunResult", "execute", "run", "try_plan"]


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes:
        folder: the run's folder.
        failures: (fit, reason) of every detector that failed.
        files: what became of each file that was found.
        read: SHA-256 of the files that the detectors depend on.
        further: whether it depends on files of which neither its options nor `read` say where they
            are: images that a table names outside of its folder, code of a package's corruption.
    """

    folder: Path
    failures: tuple[tuple[str, str], ...]
    files: Accounting
    read: Mapping[Path, str]
    further: bool = False


@dataclass(frozen=True)
class PlannedRun:
    """What a run would do.

    Attributes:
        plan: of the run.
        tasks: trained models that are missing, and conditions times shards of images.
        estimate: of its time and size.
    """

    plan: Plan
    tasks: tuple[int, int]
    estimate: RuntimeEstimate

    def lines(self, processes: int) -> list[str]:
        """What would be computed, for people; a number of processes shares it."""
        models, units = (counted(number, "task") for number in self.tasks)
        conditions = counted(len(self.plan.conditions), "condition")
        twice = (
            "This is for the re-encoded files. The images as they are take about as long again, "
            "unless the folder has a run on them."
        )
        return [
            f"{counted(len(self.plan.fits), 'trained model')}, {conditions} on "
            f"{counted(len(self.plan.images), 'image')}: {models} that train, {units} that score",
            *plan_lines(self.plan, self.estimate, processes),
            *[twice] * self.plan.run.data.harmonise,
        ]


def try_plan(
    settings: RunFile,
    folder: Path,
    progress: Progress,
    jobs: Backend | None = None,
    *,
    claims: ClaimsFile | None = None,
) -> PlannedRun:
    """Plan a run and estimate what is missing in its folder, where nothing is written.

    Arguments and errors as for `run`.
    """
    _check_apart(settings, folder)
    backend = InProcess() if jobs is None else jobs
    device = backend.device(settings.device)
    progress.stage("Reading images", 1)
    plan = make_plan(
        settings, read_comparison(folder / AUDIT), threshold=_threshold_matters(claims)
    )
    progress.update(1)
    for note in plan.dataset.notes:
        progress.message(note)
    with threads_set_to(backend.threads):
        addresses = fit_addresses(plan, device)
        context = TaskContext(plan, addresses, folder.absolute(), device, backend.threads)
        here = replace(context, device=usable_here(device))
        tell_fitted_again(context, progress)
        estimate = estimate_runtime(here, progress, plug_ins=not backend.apart, always=True)
        missing = fit_tasks(context)
    assert estimate is not None
    return PlannedRun(plan, (len(missing), len(list(units(plan)))), estimate)


def run(
    settings: RunFile,
    folder: Path,
    progress: Progress,
    command: str = "",
    *,
    strict: bool = False,
    jobs: Backend | None = None,
    claims: ClaimsFile | None = None,
) -> RunResult:
    """Plan and execute a run; a harmonised one after the same run on the images as they are.

    Arguments and errors as for `execute`; usage errors of `settings` show before any computing.
    `claims`: what the run is for; what is nothing to them, or told by their verdicts, is not said.
    """
    _check_apart(settings, folder)
    refuse_links(folder, store=True)
    check_new(folder)
    check_free(folder)
    backend = InProcess() if jobs is None else jobs
    backend.device(settings.device)
    attempts = read_attempts(folder)
    if not (attempts and attempts[-1].finished):  # else nothing may be missing
        backend.prepare()
    progress.stage("Reading images", 1)
    plan = make_plan(
        settings, read_comparison(folder / AUDIT), threshold=_threshold_matters(claims)
    )
    progress.update(1)
    _tell_of_another(plan, folder, progress)
    for note in plan.dataset.notes:
        progress.message(note)
    before: tuple[tuple[str, str], ...] = ()
    claimed = claims is not None
    with locked(folder, command), disk_full_as_error(folder):
        remove_partials(folder)
        if settings.data.harmonise:
            data = settings.data.model_copy(update={"harmonise": False})
            plain = make_plan(settings.model_copy(update={"data": data}), plan.dataset.comparison)
            as_is = folder / AS_IS
            _bring_earlier(folder, as_is)
            before = execute(
                plain, as_is, progress, command, strict=strict, jobs=jobs, claimed=claimed
            ).failures
        result = execute(plan, folder, progress, command, strict=strict, jobs=jobs, claimed=claimed)
    return replace(result, failures=(*before, *result.failures))


def _threshold_matters(claims: ClaimsFile | None) -> bool:
    """Whether it is worth saying that a run has no frozen threshold."""
    return claims is None or any(claim.needs_threshold for claim in claims.claim)


def _bring_earlier(folder: Path, as_is: Path) -> None:
    """Give a new run on the images as they are what the folder has of one without --harmonise."""
    if as_is.exists():
        return
    for part in STORE:
        for path in (folder / part).rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            again = as_is / path.relative_to(folder)
            again.parent.mkdir(parents=True, exist_ok=True)
            try:
                again.hardlink_to(path)  # no run changes a file in place
            except OSError:  # not on this file system
                shutil.copyfile(path, again)


def _check_apart(settings: RunFile, folder: Path) -> None:
    """Refuse to write a run where its images are read: its figures would become a category."""
    data = settings.data
    for place in (*data.data, *data.unknown, *data.abnormal, *data.external):
        root = located(place)
        if root.is_dir() and folder.resolve().is_relative_to(root.resolve()):
            raise OutputError(
                f"The run's folder {folder} lies in {root or '.'}, whose images it reads; choose "
                "another one with --out, or start in another folder."
            )


def _tell_of_another(plan: Plan, folder: Path, progress: Progress) -> None:
    """Say so where the folder's tables are of other images or detectors, before they go."""
    try:
        detectors = pd.read_parquet(folder / "fits.parquet", columns=["detector"])["detector"]
        images = pd.read_parquet(folder / "images.parquet", columns=["image_id"])["image_id"]
    except (OSError, ValueError):  # there are none yet, or none that would be missed
        return
    lost = sorted(set(detectors) - {recipe.name for recipe in plan.recipes})
    what = f"rows of {', '.join(lost)}, which this run leaves out" if lost else ""
    if not set(images) <= set(plan.images["image_id"]):
        what = "tables of other images"
    if what:
        progress.message(
            f"{folder} has {what}; its tables and page will be replaced. To keep them, stop this "
            "and choose another folder with --out."
        )


def execute(
    plan: Plan,
    folder: Path,
    progress: Progress,
    command: str = "",
    *,
    strict: bool = False,
    jobs: Backend | None = None,
    claimed: bool = False,
) -> RunResult:
    """Fit and score everything in `plan` and write the tables into `folder`.

    What the folder's store already has is not computed again.

    Args:
        plan: of `make_plan`.
        folder: of the run; made if need be.
        progress: is told of stages and failures.
        command: for the record.
        strict: stop before the first fit when the audit of the images has a warning.
        jobs: where to compute, for instance worker processes; None: this process does it all.
        claimed: as for `audit_images`.

    Raises:
        DataError: `strict`, and the audit found something.
        OutputError: the folder cannot be written.
        MimbenchError: the device does not exist.
    """
    backend = InProcess() if jobs is None else jobs
    device = backend.device(plan.run.device)
    refuse_links(folder, store=True)
    Store(folder).prepare()
    check_images(plan)
    threads = backend.threads
    work = {} if jobs is None else {"jobs": jobs.count, "threads": threads}
    environment = {**describe(device), **work}
    with threads_set_to(threads):  # addresses name the threads of whoever computes
        # absolute: a worker's working directory is that of the process when it was started
        place = folder.absolute()
        context = TaskContext(plan, fit_addresses(plan, device), place, device, threads)
        planned = len(plan.fits), count_blocks(plan)
        history = RunHistory(folder, command, environment, context.addresses.fit_ids, planned)
        tell_fitted_again(context, progress)
        outcome = _compute(context, backend, history, progress, strict=strict, claimed=claimed)
    tables, not_combined = _write(context, outcome, environment, command, progress)
    history.finish(len(outcome.failed) + len(not_combined))
    for problem in gallery.write(plan, outcome.alive, tables, folder, usable_here(device)):
        progress.message(problem)
    failures = tuple((str(spec), reason) for spec, reason in outcome.failed.values())
    read = context.addresses.hashes.known
    kernels = {one.corruption.kernel for one in plan.conditions if one.corruption is not None}
    further = plan.dataset.leads_out or any(map(source_digest, kernels))
    return RunResult(folder, (*failures, *not_combined), plan.dataset.accounting, read, further)


def _compute(
    context: TaskContext,
    backend: Backend,
    history: RunHistory,
    progress: Progress,
    *,
    strict: bool,
    claimed: bool,
) -> Outcome:
    """Audit, fit and score."""
    here = replace(context, device=usable_here(context.device))
    fits, outcome = KeptFits(here), Outcome()
    watched = HistoryProgress(progress, history)
    with backend.executor(context, fits) as executor:
        with history.stage("audit"):
            audit_images(
                context.plan, context.folder, watched, strict=strict, claimed=claimed and not strict
            )
        with history.stage("fit"):
            _tell_estimate(here, backend, watched)
            fit_all(context, executor, fits, watched, outcome)
        with history.stage("score"):
            score_all(context, executor, watched, outcome)
    return outcome


def _tell_estimate(context: TaskContext, backend: Backend, progress: HistoryProgress) -> None:
    """Say how long the run will take, if it will take long."""
    estimate = estimate_runtime(context, progress, plug_ins=not backend.apart)
    if estimate is not None:
        progress.message(estimate.sentence(context.plan, backend.count))
        progress.expect(estimate.fit / backend.count, estimate.score / backend.count)


def _write(
    context: TaskContext,
    outcome: Outcome,
    environment: Mapping[str, Any],
    command: str,
    progress: Progress,
) -> tuple[RunTables, tuple[tuple[str, str], ...]]:
    """Write the tables and the records beside them.

    Returns:
        The tables, and (row, reason) of each row made of others that failed.
    """
    plan, folder = context.plan, context.folder
    able = [recipe for recipe in plan.recipes if recipe.name not in plan.not_run]
    tables, not_combined = combine_rows(outcome_tables(plan, outcome, context.device), able)
    for row, reason in not_combined:
        progress.message(f"{row} failed. {reason}")
    tables.write(folder)
    add_larger_sizes(tables, folder)
    forget_derived(folder, checksums(folder))
    for problem in write_curves(outcome.fits, folder / "training.csv"):
        progress.message(problem)
    write_csv(plan.dataset.unread, folder / "rejected.csv")
    record_run(context, environment, command)
    return tables, not_combined
