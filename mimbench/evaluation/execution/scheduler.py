"""Which worker does which task next, and what becomes of the task of a worker that died."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from mimbench.errors import OutputError
from mimbench.evaluation.execution.executor import Deaths, Failures
from mimbench.evaluation.execution.pace import Pace
from mimbench.evaluation.execution.performing import Advanced, Begun, Failed
from mimbench.evaluation.execution.tasks import Task
from mimbench.evaluation.execution.worker import Finished, Ready, Stopped, WorkerEvent
from mimbench.evaluation.execution.worker_process import KILLED, WorkerProcess

if TYPE_CHECKING:
    from mimbench.evaluation.execution.worker_pool import WorkerPool

__all__ = ["Scheduler"]

TICK = 1.0  # seconds between two looks at the clock


class Scheduler:
    """A list of tasks while a worker pool is at it."""

    def __init__(self, pool: "WorkerPool", tasks: Sequence[Task], failures: Failures) -> None:
        """Nothing has begun.

        Args:
            pool: whose workers do the tasks.
            tasks: in the order in which they should begin.
            failures: where failures are noted.
        """
        self.pool = pool
        self.queue = deque(tasks)
        self.failures, self.progress = failures, failures.progress
        self.pace = Pace(tasks, self.progress)
        self.done = 0.0
        self.deaths = Deaths()

    def unfinished(self) -> bool:
        """Whether a task waits or is being done."""
        return bool(self.queue) or any(worker.task for worker in self.pool.workers)

    def step(self) -> None:
        """Give idle workers tasks, and deal with what happens within the next moment."""
        self._hand_out()
        self._listen()
        self._stop_overdue()
        self._report()

    def _hand_out(self) -> None:
        """Give every idle worker a task."""
        for worker in list(self.pool.workers):
            if not worker.ready or worker.task is not None:
                continue
            task = self._next()
            if task is None:
                return
            try:
                worker.pipe.send(task)
            except OSError:
                self.queue.appendleft(task)
                self.pool.terminate(worker)
            else:
                worker.begin(task)

    def _next(self) -> Task | None:
        while self.queue:
            task = self.queue.popleft()
            fits = self.failures.left_of(task)
            if fits:
                # of several workers nobody knows who gets it; they overlap as it is
                alone = self.queue and self.pool.jobs.count == 1
                return replace(task, fits=fits, upcoming=self.queue[0].unit if alone else None)
            self.done += task.size
        return None

    def _listen(self) -> None:
        """Wait for workers to say something or to die."""
        sources: dict[Any, WorkerProcess] = {worker.pipe: worker for worker in self.pool.workers}
        sources |= {worker.process.sentinel: worker for worker in self.pool.workers}
        due = min((worker.deadline for worker in self.pool.workers), default=float("inf"))
        patience = max(0.0, min(TICK, due - time.monotonic()))
        for worker in {id(sources[s]): sources[s] for s in wait(list(sources), patience)}.values():
            try:
                while worker.pipe.poll():
                    self._on_event(worker, worker.pipe.recv())
                alive = worker.process.is_alive()
            except (EOFError, OSError):
                alive = False
            if not alive:
                self._on_exit(worker)

    def _on_event(self, worker: WorkerProcess, event: WorkerEvent) -> None:
        match event:
            case Ready():
                worker.ready, self.pool.failed_starts = True, 0
            case Begun(fit):
                worker.fit = fit
                limit = self.pool.jobs.timeout
                if limit is not None and fit is not None:
                    worker.deadline = time.monotonic() + limit
            case Advanced(share, note):
                worker.share, worker.note = share, note
            case Failed(fit, reason):
                self._fail(worker, fit, reason)
            case Finished():
                self.done += worker.task.size if worker.task else 0.0
                worker.task, worker.deadline = None, float("inf")
            case Stopped(sentence):
                raise OutputError(sentence)

    def _fail(self, worker: WorkerProcess, fit: int, reason: str) -> None:
        if worker.task is not None:
            self.failures.add(worker.task, fit, reason)

    def _stop_overdue(self) -> None:
        """End workers whose fit takes longer than it may: it has failed, the others go on."""
        for worker in list(self.pool.workers):
            if time.monotonic() < worker.deadline or worker.task is None or worker.fit is None:
                continue
            self._fail(worker, worker.fit, f"timed out after {self.pool.jobs.timeout:g} s")
            self.queue.appendleft(worker.task)
            self.pool.terminate(worker)

    def _on_exit(self, worker: WorkerProcess) -> None:
        """A worker died: another one does its task, or its fit has failed too often."""
        task, fit = worker.task, worker.fit
        ended = self.pool.terminate(worker)
        if task is None:
            return
        self.queue.appendleft(task)
        count = self.deaths.count(task, fit)
        what = self._name(task, fit)
        if count < self.pool.tries:
            self.progress.message(f"{what}: its process {ended}; it is repeated.")
            return
        guess = "; out of memory?" if worker.process.exitcode == -KILLED else ""
        for lost in task.fits if fit is None else (fit,):
            self._fail(worker, lost, f"its process {ended} {count} times{guess}")

    def _name(self, task: Task, fit: int | None) -> str:
        return task.stage if fit is None else f"{self.pool.plan.fits[fit]}, {task.stage}"

    def _report(self) -> None:
        """Tell how far the tasks are, and what is being worked on."""
        done = self.done
        notes = []
        for worker in self.pool.workers:
            if worker.task is not None:
                done += worker.share * worker.task.size
                name = self._name(worker.task, worker.fit)
                notes.append(f"{name}: {worker.note}" if worker.note else name)
        self.pace.tell(done, len(self.queue) + len(notes), self.pool.jobs.count, notes)
