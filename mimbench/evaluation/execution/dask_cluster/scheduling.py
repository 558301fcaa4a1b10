"""A list of tasks while a Dask cluster is at it: which are handed out, done, lost and repeated.

Dask repeats a task whose worker died, and gives it up after a number of deaths that belongs to its
scheduler. It counts tasks that only waited on that worker, too, and not whether a training got
further. So deaths are counted here, as in the worker pool, from what workers and scheduler tell;
a task that Dask has given up before is handed out again.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import distributed
from distributed.client import FutureCancelledError

from mimbench.errors import MimbenchError, OutputError
from mimbench.evaluation.execution.dask_cluster.cluster import LOST
from mimbench.evaluation.execution.dask_cluster.worker import TaskReport
from mimbench.evaluation.execution.executor import TRIES, Deaths, Failures
from mimbench.evaluation.execution.pace import Pace
from mimbench.evaluation.execution.tasks import Task

if TYPE_CHECKING:
    from mimbench.evaluation.execution.dask_cluster.executor import DaskExecutor

__all__ = ["DaskScheduler", "Heard", "WorkerGone", "cannot_take_part"]

AHEAD = 2  # tasks per slot that Dask has, so that nobody waits for the driver


@dataclass(frozen=True)
class Heard:
    """What a worker tells of a task that it does.

    Attributes:
        key: of the task.
        worker: address of the Dask worker.
        fit: position of the fit that it is at; None: what all fits of the task share.
        done: size of what is done of the task.
        note: what it is at.
    """

    key: str
    worker: str
    fit: int | None = None
    done: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class WorkerGone:
    """The Dask worker with this address left, or `died`: it was killed or cut off for too long."""

    worker: str
    died: bool


@dataclass
class _Running:
    """A task that Dask has.

    Attributes:
        key: of it.
        task: itself.
        last: heard of the worker that is at it; None: it waits for one.
        deaths: of workers that were at it.
    """

    key: str
    task: Task
    last: Heard | None = None
    deaths: int = 0


class DaskScheduler:
    """Hands tasks to Dask a few at a time, in the plan's order, without those of failed fits."""

    def __init__(self, executor: "DaskExecutor", tasks: Sequence[Task], failures: Failures) -> None:
        """Nothing has begun.

        Args:
            executor: that submits tasks.
            tasks: in the order in which they should begin.
            failures: where failures are noted.
        """
        self.executor, self.failures = executor, failures
        self.queue = deque(tasks)
        self.running: dict[Any, _Running] = {}
        self.heard: SimpleQueue[Heard | WorkerGone] = SimpleQueue()
        self.pace = Pace(tasks, failures.progress)
        self.deaths = Deaths()
        self.done = 0.0

    def unfinished(self) -> bool:
        """Whether a task waits or is being done."""
        return bool(self.queue or self.running)

    def step(self, slots: int) -> None:
        """Hand out tasks, and take what is done; the workers do `slots` tasks at once now."""
        self._hand_out(slots)
        self._listen()
        for future in [each for each in self.running if each.status != "pending"]:
            running = self.running.pop(future)
            self._take(future, running)
            future.release()
        self._report(slots)

    def _hand_out(self, slots: int) -> None:
        while self.queue and len(self.running) < AHEAD * slots:
            task = self.queue.popleft()
            fits = self.failures.left_of(task)
            if not fits:
                self.done += task.size
                continue
            task = replace(task, fits=fits)
            key, future = self.executor.submit(task)
            self.running[future] = _Running(key, task)

    def _listen(self) -> None:
        """Take in what workers and scheduler have told since the last time."""
        while True:
            try:
                heard = self.heard.get_nowait()
            except Empty:
                return
            for future, running in list(self.running.items()):
                match heard:
                    case Heard(key) if key == running.key:
                        running.last = heard
                    case WorkerGone(worker, died) if running.last and running.last.worker == worker:
                        last, running.last = running.last, None
                        if died:
                            self._count_death(future, running, last)

    def _count_death(self, future: Any, running: _Running, last: Heard) -> None:
        """The worker of a task died: Dask repeats it, or its fit has failed too often."""
        running.deaths += 1
        task = running.task
        fit = task.fits[0] if task.unit is None else last.fit  # a training is of one fit
        count = self.deaths.count(task, fit)
        what = task.stage
        if fit is not None:
            what = f"{self.failures.plan.fits[fit]}, {what}"
        if count < TRIES:
            self.failures.progress.message(
                f"{what}: the Dask worker {last.worker} died; it is repeated."
            )
            return
        reason = f"its Dask worker died or was stopped {count} times; out of memory?"
        for lost in task.fits if fit is None else (fit,):
            self.failures.add(task, lost, reason)
        del self.running[future]
        self.executor.withdraw(future, running.key)
        self.queue.appendleft(task)

    def _take(self, future: Any, running: _Running) -> None:
        """A task is done, or Dask has given it up."""
        task = running.task
        if future.status == "error":
            self._on_error(future, running)
            return
        if future.status != "finished":
            raise self.executor.cluster.lost()
        try:
            report: TaskReport = future.result()
        except (FutureCancelledError, *LOST) as error:
            raise self.executor.cluster.lost() from error
        if report.problem is not None:
            raise cannot_take_part("that has joined", report.problem)
        if report.stopped is not None:
            sentence, of_writing = report.stopped
            raise OutputError(sentence) if of_writing else MimbenchError(sentence)
        self.executor.keep(report.files)
        for text in report.messages:
            self.failures.progress.message(text)
        for fit, reason in report.failed.items():
            self.failures.add(task, fit, reason)
        self.done += task.size

    def _on_error(self, future: Any, running: _Running) -> None:
        """Dask gave a task up: its workers died, or something in it cannot be sent."""
        error, last = future.exception(), running.last
        if not isinstance(error, distributed.KilledWorker):
            raise MimbenchError(
                f"{running.task.stage} cannot be done on a Dask worker: {type(error).__name__}: "
                f"{error}"
            ) from error
        if last is None and running.deaths:  # they are counted
            self.queue.appendleft(running.task)
            return
        self.running[future] = running
        self._count_death(future, running, last or Heard(running.key, "that had it"))
        if self.running.pop(future, None) is not None:
            self.queue.appendleft(running.task)

    def _report(self, slots: int) -> None:
        """Tell how far the tasks are, and what is being worked on."""
        heard = [running.last for running in self.running.values() if running.last is not None]
        done = self.done + sum(last.done for last in heard)
        notes = [last.note for last in heard if last.note]
        self.pace.tell(done, len(self.queue) + len(self.running), slots, notes)


def cannot_take_part(worker: str, problem: str) -> MimbenchError:
    """What to raise when a worker must not compute for this run."""
    return MimbenchError(f"The Dask worker {worker} cannot take part: {problem}.")
