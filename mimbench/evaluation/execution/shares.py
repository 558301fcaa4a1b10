"""What a crew does of a run: the fits and scores that the store lacks."""

from collections.abc import Iterator, Sequence

from mimbench.evaluation.execution.tasks import Task, fit_tasks, score_tasks
from mimbench.evaluation.execution.worker_pool import Crew
from mimbench.evaluation.fitting import Fit
from mimbench.progress import Progress
from mimbench.runfolder.store import Store

__all__ = ["fit_missing", "score_missing"]


def fit_missing(crew: Crew, store: Store, progress: Progress) -> dict[int, str]:
    """Fit what the store lacks; returns the position and reason of each fit that failed."""
    return _perform(crew, "Fitting", fit_tasks(crew.plan, store, crew.order.device), progress)


def score_missing(
    crew: Crew, store: Store, fits: Sequence[Fit], progress: Progress
) -> Iterator[tuple[Fit, str]]:
    """Score what the store lacks; yields each fit that failed, with the reason."""
    positions = {id(spec): position for position, spec in enumerate(crew.plan.fits)}
    placed = {positions[id(fit.spec)]: fit for fit in fits}
    tasks = score_tasks(crew.plan, store, list(placed.items()))
    for position, reason in _perform(crew, "Scoring", tasks, progress).items():
        yield placed[position], reason


def _perform(crew: Crew, title: str, tasks: list[Task], progress: Progress) -> dict[int, str]:
    if tasks:
        processes = f"{crew.jobs.count} process{'es' if crew.jobs.count > 1 else ''}"
        threads = f"{crew.order.threads} thread{'s' if crew.order.threads > 1 else ''}"
        progress.stage(f"{title} in {processes} of {threads}", sum(task.size for task in tasks))
    return crew.perform(tasks, progress)
