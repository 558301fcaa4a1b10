"""Run a plan: fit, score, and write the three tables."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from mimbench.csv_files.writing import write_csv
from mimbench.data.audit import SAID, as_html, cached_audit
from mimbench.data.near_duplicates import read_comparison, write_comparison
from mimbench.data.reading.accounting import Accounting
from mimbench.detectors.build import kind_of
from mimbench.errors import DataError, DetectorError, OutputError
from mimbench.evaluation.ensembles import combine_rows
from mimbench.evaluation.execution.environment import describe, library_versions, pick_device
from mimbench.evaluation.execution.failure import reason_of
from mimbench.evaluation.execution.runtime_estimate import foresee
from mimbench.evaluation.execution.shares import fit_missing, score_missing
from mimbench.evaluation.execution.worker_pool import Crew, Jobs, warm_up
from mimbench.evaluation.fitting import Fit, fit_ids, fit_or_load
from mimbench.evaluation.gallery import write as gallery
from mimbench.evaluation.planning.plan import FitSpec, Plan, RunFile, make_plan
from mimbench.evaluation.records import record_run
from mimbench.evaluation.scoring import (
    Shard,
    count_blocks,
    other_scores,
    score_unit,
    units,
)
from mimbench.files import room, whole
from mimbench.progress import Progress
from mimbench.recipes import Recipe, content_hash
from mimbench.runfolder.derived import forget_derived
from mimbench.runfolder.history import HistoryProgress, RunHistory, read_attempts
from mimbench.runfolder.lock import check_free, locked
from mimbench.runfolder.store import Store
from mimbench.scores.run_files import check_new, refuse_links, remove_partials
from mimbench.scores.tables import (
    AS_IS,
    AUDIT,
    CORRUPTION_SIZE,
    FIT_COLUMNS,
    FIT_NOTES,
    SCORE_COLUMNS,
    RunTables,
    checksums,
    stamped,
)
from mimbench.statistics.tables.larger_controls import larger_size_warnings

__all__ = ["RunResult", "execute", "run"]


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes:
        folder: the run's folder.
        failures: (fit, reason) of every detector that failed.
        files: what became of each file that was found.
    """

    folder: Path
    failures: tuple[tuple[str, str], ...]
    files: Accounting


@dataclass
class _Record:
    """What accumulates while a plan is executed."""

    fits: list[Fit] = field(default_factory=list)
    failed: dict[str, tuple[FitSpec, str]] = field(default_factory=dict)
    blocks: list[pd.DataFrame] = field(default_factory=list)

    def fail(self, spec: FitSpec, reason: str) -> None:
        """Note a detector that could not be fitted, which has no fit_id."""
        fit_id = f"failed-{content_hash([str(spec), spec.fitted_on])[:9]}"
        self.failed[fit_id] = (spec, reason)


def run(
    settings: RunFile,
    folder: Path,
    progress: Progress,
    command: str = "",
    *,
    strict: bool = False,
    jobs: Jobs | None = None,
) -> RunResult:
    """Plan and execute a run; a harmonised one after the same run on the images as they are.

    Arguments and errors as for `execute`; usage errors of `settings` show before any computing.
    """
    _check_apart(settings, folder)
    refuse_links(folder, store=True)
    check_new(folder)
    check_free(folder)
    pick_device(settings.device)
    attempts = read_attempts(folder)
    if jobs is not None and not (attempts and attempts[-1].finished):  # else nothing may be missing
        warm_up()
    progress.stage("Reading images", 1)
    plan = make_plan(settings, read_comparison(folder / AUDIT))
    progress.update(1)
    _tell_of_another(plan, folder, progress)
    for note in plan.dataset.notes:
        progress.message(note)
    before: tuple[tuple[str, str], ...] = ()
    with locked(folder, command), room(folder):
        remove_partials(folder)
        if settings.data.harmonise:
            data = settings.data.model_copy(update={"harmonise": False})
            plain = make_plan(settings.model_copy(update={"data": data}), plan.dataset.comparison)
            as_is = folder / AS_IS
            before = execute(plain, as_is, progress, command, strict=strict, jobs=jobs).failures
        result = execute(plan, folder, progress, command, strict=strict, jobs=jobs)
    return replace(result, failures=(*before, *result.failures))


def _check_apart(settings: RunFile, folder: Path) -> None:
    """Refuse to write a run where its images are read: its figures would become a category."""
    data = settings.data
    for place in (*data.data, *data.unknown, *data.abnormal, *data.external):
        root = Path(place)
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
    jobs: Jobs | None = None,
) -> RunResult:
    """Fit and score everything in `plan` and write the tables into `folder`.

    What the folder's store already has is not computed again.

    Args:
        plan: of `make_plan`.
        folder: of the run; made if need be.
        progress: is told of stages and failures.
        command: for the record.
        strict: stop before the first fit when the audit of the images has a warning.
        jobs: worker processes that fit and score; None: this process does it all.

    Raises:
        DataError: `strict`, and the audit found something.
        OutputError: the folder cannot be written.
        MimbenchError: the device does not exist.
    """
    device = pick_device(plan.run.device)
    refuse_links(folder, store=True)
    store = Store(folder)
    store.prepare()
    record = _Record()
    _check_images(plan)
    planned = len(plan.fits), count_blocks(plan)
    work = {} if jobs is None else {"jobs": jobs.count, "threads": jobs.threads}
    environment = {**describe(device), **work}
    # the crew first: addresses name the threads of whoever computes
    with nullcontext() if jobs is None else Crew(plan, folder, device, jobs) as crew:
        history = RunHistory(folder, command, environment, fit_ids(plan, device), planned)
        _tell_of_threads(history, folder, progress)
        watched = HistoryProgress(progress, history)
        with history.stage("audit"):
            _audit(plan, folder, watched, strict)
        with history.stage("fit"):
            _foretell(plan, store, device, watched, jobs)
            _fit_all(plan, store, device, watched, record, crew)
        with history.stage("score"):
            _score_all(plan, store, device, watched, record, crew)
    scored = RunTables(
        scores=_scores_table(record),
        fits=_fits_table(plan, record, device),
        images=_images_table(plan),
    )
    able = [recipe for recipe in plan.recipes if recipe.name not in plan.not_run]
    tables, not_combined = combine_rows(scored, able)
    for row, reason in not_combined:
        progress.message(f"{row} failed. {reason}")
    tables.write(folder)
    _warn_of_larger_sizes(tables, folder, progress)
    forget_derived(folder, checksums(folder))
    for problem in _write_curves(record.fits, folder / "training.csv"):
        progress.message(problem)
    write_csv(plan.dataset.unread, folder / "rejected.csv")
    record_run(plan, folder, environment, command)
    history.finish(len(record.failed) + len(not_combined))
    alive = [fit for fit in record.fits if fit.fit_id not in record.failed]
    for problem in gallery.write(plan, alive, tables, folder, device):
        progress.message(problem)
    failures = tuple((str(spec), reason) for spec, reason in record.failed.values())
    return RunResult(folder, (*failures, *not_combined), plan.dataset.accounting)


def _check_images(plan: Plan) -> None:
    """Refuse what the tables could not hold before anything is computed for them.

    Raises:
        TableError: as for `RunTables`.
    """
    no_fits = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in FIT_COLUMNS.items()})
    stamped(RunTables(_scores_table(_Record()), no_fits, plan.images.reset_index(drop=True)).images)


def _tell_of_threads(history: RunHistory, folder: Path, progress: Progress) -> None:
    """Say why a repeated command computes everything again, where threads are the only reason."""
    if not history.earlier or history.now.fits.found:
        return
    before, now = (each.environment.get("threads") for each in (history.earlier[-1], history.now))
    if before and before != now:
        progress.message(
            f"Threads per process: {now}, and {before} for the fits in {folder}. Threads change "
            "the numbers, so this run trains its own. To use the fits there, set OMP_NUM_THREADS "
            f"to {before} times --jobs."
        )


def _audit(plan: Plan, folder: Path, progress: Progress, strict: bool) -> None:
    progress.stage("Auditing images", 1)
    if plan.dataset.comparison is not None:
        write_comparison(plan.dataset.comparison, folder / AUDIT)
    found = cached_audit(replace(plan.dataset, table=plan.images), folder / AUDIT)
    table = pd.DataFrame(found.as_json()["findings"], columns=list(SAID))
    write_csv(table, folder / "audit.csv")
    with whole(folder / "audit.html") as partial:
        partial.write_text(as_html(found), encoding="utf-8")
    progress.update(1)
    for finding in found.findings:
        if finding.severity != "note":
            progress.message(f"Audit {finding.severity}, {finding.check}: {finding.message}")
    if found.count("error") and not strict:
        progress.message("The run goes on in spite of errors of the audit; --strict would stop it.")
    if strict and not found.passes(strict=True):
        raise DataError(
            f"--strict: the audit has {found.count('error')} errors and "
            f"{found.count('warning')} warnings; see {folder / 'audit.csv'}."
        )


def _warn_of_larger_sizes(tables: RunTables, folder: Path, progress: Progress) -> None:
    """Add to the audit what controls see of the images that is lost at the size of other rows."""
    found = larger_size_warnings(tables)
    if not found:
        return
    path = folder / "audit.csv"
    lines = [{"severity": "warning", "check": "size", "message": message} for message in found]
    table = pd.concat([pd.read_csv(path), pd.DataFrame(lines)], ignore_index=True)
    write_csv(table, path)
    for message in found:
        progress.message(f"Audit warning, size: {message}")


def _foretell(
    plan: Plan, store: Store, device: torch.device, progress: HistoryProgress, jobs: Jobs | None
) -> None:
    """Say how long the run will take, if it will take long."""
    processes = 1 if jobs is None else jobs.count
    forecast = foresee(plan, store, device, progress, plug_ins=jobs is None)
    if forecast is not None:
        progress.message(forecast.sentence(plan, processes))
        progress.expect(forecast.fit / processes, forecast.score / processes)


def _fit_all(
    plan: Plan,
    store: Store,
    device: torch.device,
    progress: Progress,
    record: _Record,
    crew: Crew | None,
) -> None:
    lost = fit_missing(crew, store, progress) if crew is not None else {}
    progress.stage("Fitting" if crew is None else "Reading fits", len(plan.fits))
    for position, spec in enumerate(plan.fits):
        progress.update(position, str(spec))
        if position in lost:
            record.fail(spec, lost[position])
            continue

        def report(
            done: int, total: int, note: str, at: int = position, of: FitSpec = spec
        ) -> None:
            progress.update(at + done / max(total, 1), f"{of}: step {done}/{total}, {note}")

        try:
            record.fits.append(fit_or_load(plan, spec, store, device, report))
        except OutputError:
            raise
        except Exception as error:
            record.fail(spec, f"fit: {reason_of(spec, error)}")
            progress.message(f"{spec} failed. fit: {reason_of(spec, error)}")
    progress.update(len(plan.fits))


def _score_all(
    plan: Plan,
    store: Store,
    device: torch.device,
    progress: Progress,
    record: _Record,
    crew: Crew | None,
) -> None:
    if crew is not None:
        for fit, why in score_missing(crew, store, record.fits, progress):
            record.failed[fit.fit_id] = (fit.spec, why)
    work = list(units(plan))
    title = "Scoring" if crew is None else "Reading scores"
    progress.stage(title, sum(len(unit.rows) for unit in work))
    done, names, told = 0, dict[str, list[str]](), set[str]()
    for unit in work:
        progress.update(done, str(unit))
        alive = [fit for fit in record.fits if fit.fit_id not in record.failed]
        for fit, result in score_unit(Shard(plan, unit), alive, store, device):
            if not isinstance(result, Exception):
                own = list(result.columns[1:])
                before = names.setdefault(fit.fit_id, own)
                if own == before:
                    record.blocks.append(_long(result, fit.fit_id, unit.condition))
                    _tell_of_conversion(result.attrs["converted"], told, progress)
                    continue
                result = DetectorError(other_scores(before, own))
            why = f"score, {unit.condition}: {reason_of(fit.spec, result)}"
            record.failed[fit.fit_id] = (fit.spec, why)
            progress.message(f"{fit.spec} failed. {why}")
        done += len(unit.rows)
    progress.update(done)


def _tell_of_conversion(were: Mapping[str, str], told: set[str], progress: Progress) -> None:
    """Say once of each row that its scores were no floats."""
    for row, kind in were.items():
        if row not in told:
            told.add(row)
            progress.message(f"Scores of {row} are {kind}; they are converted to float64.")


def _long(block: pd.DataFrame, fit_id: str, condition: Any) -> pd.DataFrame:
    """One line per score and image; rows may have any name, also that of a column."""
    names = list(block.columns[1:])
    return pd.DataFrame(
        {
            "fit_id": fit_id,
            "score": np.repeat(names, len(block)),
            "corruption": condition.name,
            "severity": condition.severity,
            "image_id": np.tile(block["image_id"].to_numpy(), len(names)),
            "value": block[names].to_numpy(dtype=np.float64).T.ravel(),
        }
    )


def _scores_table(record: _Record) -> pd.DataFrame:
    columns = list(SCORE_COLUMNS)
    if not record.blocks:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in SCORE_COLUMNS.items()})
    table = pd.concat(record.blocks, ignore_index=True)[columns]
    complete = table[~table["fit_id"].isin(list(record.failed))]
    return complete.astype(SCORE_COLUMNS).reset_index(drop=True)


def _images_table(plan: Plan) -> pd.DataFrame:
    """The plan's images, with the side at which they were corrupted if they were."""
    images = plan.images.reset_index(drop=True)
    corrupted = any(condition.corruption is not None for condition in plan.conditions)
    return images.assign(**{CORRUPTION_SIZE: plan.corruption_size}) if corrupted else images


def _fits_table(plan: Plan, record: _Record, device: torch.device) -> pd.DataFrame:
    versions = json.dumps({**library_versions(), "device": str(device)}, sort_keys=True)
    order = {id(spec): position for position, spec in enumerate(plan.fits)}
    lost = sorted(record.failed.items(), key=lambda item: order[id(item[1][0])])
    good = [
        {
            "fit_id": fit.fit_id,
            "status": "ok",
            "reason": "",
            "state_hash": fit.state_hash,
            "seconds": fit.seconds,
            "not_run": _not_run(fit),
            "quality": json.dumps(dict(fit.detector.quality), sort_keys=True),
            "lines": _lines(fit.spec.recipe),
            **_describe_spec(plan, fit.spec),
        }
        for fit in record.fits
        if fit.fit_id not in record.failed
    ]
    failed = [
        {
            "fit_id": fit_id,
            "status": "failed",
            "reason": reason,
            "state_hash": "",
            "seconds": float("nan"),
            "not_run": "{}",
            "quality": "{}",
            "lines": _lines(spec.recipe),
            **_describe_spec(plan, spec),
        }
        for fit_id, (spec, reason) in lost
    ]
    rest = [_not_run_at_all(plan, recipe) for recipe in plan.recipes if recipe.name in plan.not_run]
    table = pd.DataFrame([*good, *failed, *rest]).assign(versions=versions)
    return table[[*FIT_COLUMNS, *FIT_NOTES]].astype(FIT_COLUMNS)


def _not_run_at_all(plan: Plan, recipe: Recipe) -> dict[str, Any]:
    """A line for a recipe without any fit, so that its rows stand in the report with the reason."""
    reason = plan.not_run[recipe.name]
    rows = [recipe.row(score) for score in recipe.scores] or [recipe.name]
    return {
        "fit_id": f"not-run-{content_hash(recipe.name)[:9]}",
        "status": "not run",
        "reason": reason,
        "state_hash": "",
        "seconds": float("nan"),
        "not_run": json.dumps(dict.fromkeys(rows, reason), sort_keys=True),
        "quality": "{}",
        **_describe_spec(plan, FitSpec(recipe, plan.dataset.target, None, None)),
    }


def _not_run(fit: Fit) -> str:
    """Rows of its recipe that a fit cannot have, with the reason of each, as JSON."""
    recipe, reasons = fit.spec.recipe, fit.detector.not_run
    asked = {
        name: why for name, why in reasons.items() if name in recipe.scores or not recipe.scores
    }
    named = {recipe.row(name): why for name, why in asked.items()}
    return json.dumps(named, sort_keys=True)


def _lines(recipe: Recipe) -> str:
    """Rows of a recipe that a line was fitted in, each with the row that it has taken, as JSON."""
    lines = {
        recipe.row(own): recipe.row(other)
        for own, other in kind_of(recipe).lines.items()
        if own in recipe.scores or not recipe.scores
    }
    return json.dumps(lines, sort_keys=True)


def _write_curves(fits: Sequence[Fit], path: Path) -> Iterator[str]:
    """Loss curves of all fits that have some, one line per value: training.csv.

    Yields:
        A sentence for each fit whose history is something else.
    """
    lines: list[dict[str, Any]] = []
    for fit in fits:
        try:
            lines += _curves(fit)
        except (AttributeError, KeyError, TypeError, ValueError):
            form = '[{"step": 10, "loss": 0.5}, ...]'
            yield f"{fit.spec}: its `history` is no list of the form {form}; no loss curves of it."
    path.unlink(missing_ok=True)
    if lines:
        write_csv(pd.DataFrame(lines), path)


def _curves(fit: Fit) -> list[dict[str, Any]]:
    spec = fit.spec
    about = {"fit_id": fit.fit_id, "detector": spec.recipe.name, "fitted_on": spec.fitted_on}
    place = {"fold": spec.fold, "seed": spec.seed}
    return [
        {**about, **place, "step": int(entry["step"]), "loss": str(loss), "value": float(value)}
        for entry in fit.detector.history
        for loss, value in sorted(entry.items())
        if loss != "step"
    ]


def _describe_spec(plan: Plan, spec: FitSpec) -> dict[str, Any]:
    return {
        "detector": spec.recipe.name,
        "fitted_on": spec.fitted_on,
        "withheld": "+".join(spec.withheld),
        "study": "+".join(spec.studies),
        "fold": spec.fold,
        "seed": spec.seed,
        "control": spec.recipe.control,
        "family": spec.recipe.family,
        "trains_on": kind_of(spec.recipe).trains_on,
        "input_size": plan.input_size(spec.recipe),
        "recipe_hash": content_hash(spec.recipe.model_dump(mode="json")),
    }
