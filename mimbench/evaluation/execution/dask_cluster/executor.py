"""Do the tasks of a run on a Dask cluster: what the driver hands out, hears and counts."""

import contextlib
import pickle
import time
import uuid
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import distributed

from mimbench.errors import MimbenchError, OutputError
from mimbench.evaluation.execution.dask_cluster.cluster import DaskCluster
from mimbench.evaluation.execution.dask_cluster.worker import (
    Files,
    Package,
    RunPlugin,
    TaskReport,
    carried,
    perform,
    read_files,
    versions,
    write_files,
)
from mimbench.evaluation.execution.executor import Executor, Failures
from mimbench.evaluation.execution.tasks import Task, TaskContext
from mimbench.evaluation.execution.worker_pool import pixels_file, without_pixels, write_pixels
from mimbench.files import disk_full_as_error
from mimbench.progress import Progress
from mimbench.scores.run_files import remove_partials
from mimbench.text import counted

__all__ = ["DaskExecutor"]

TICK = 0.1  # seconds between two looks at the tasks
LOOK_AROUND = 2.0  # seconds between two looks at the workers
AHEAD = 2  # tasks per slot that the scheduler has, so that nobody waits for the driver
LOST = (OSError, TimeoutError, ValueError, RuntimeError)  # what a broken connection raises


class DaskExecutor(Executor):
    """Hands tasks to Dask a few at a time, in the plan's order, without those of failed fits."""

    def __init__(self, context: TaskContext, cluster: DaskCluster) -> None:
        """Nothing happens before `perform`."""
        self.context, self.cluster, self.client = context, cluster, cluster.client
        self.name = f"mimbench-{uuid.uuid4().hex[:12]}"
        self.opened = False
        self.sent = 0
        self.slots = 0
        self.looked = 0.0
        self.events: dict[str, tuple[float, str]] = {}
        self.fits: dict[str, Any] = {}

    def __exit__(self, *raised: object) -> None:
        """Cancel what is queued, and end what runs for this run on the workers."""
        if self.opened:
            with contextlib.suppress(*LOST):
                self.client.cancel(list(self.fits.values()), force=True)
                self.client.unsubscribe_topic(self.name)
                self.client.unregister_worker_plugin(self.name)
        remove_partials(self.context.folder)

    @property
    def where(self) -> str:
        """Workers and threads."""
        workers = self.cluster.workers()
        threads = counted(self.context.threads, "thread")
        slots = counted(sum(worker.slots for worker in workers), "process")
        return f" on {counted(len(workers), 'Dask worker')}, in {slots} of {threads}"

    def perform(self, tasks: Sequence[Task], progress: Progress) -> dict[int, str]:
        """Do all tasks; see `Executor`.

        Raises:
            MimbenchError: the scheduler is gone, or a worker cannot take part.
        """
        if not tasks:
            return {}
        self._open(progress)
        work = _Work(self, tasks, Failures(self.context.plan, progress))
        try:
            while work.unfinished():
                self._look_around(progress)
                work.step()
                time.sleep(TICK)
        finally:
            with contextlib.suppress(*LOST):
                self.client.cancel(list(work.running), force=True)
        return work.failures.reasons

    def submit(self, task: Task) -> tuple[str, Any]:
        """Hand a task to Dask; its key, and the future of its report."""
        self.sent += 1
        key = f"{self.name}-{self.sent}"
        fits = self._transferred(task) if self.cluster.transfer else []
        resources = {"GPU": 1} if self.context.device.type == "cuda" else None
        future = self.client.submit(
            perform, self.name, key, task, *fits, key=key, pure=False, resources=resources
        )
        return key, future

    def _transferred(self, task: Task) -> list[Any]:
        """The fits that a task needs, on their way to whichever worker does it."""
        if task.unit is None:
            return []
        store, addresses = self.context.store, self.context.addresses
        for position in task.fits:
            fit_id = addresses.of[position].fit_id
            if fit_id not in self.fits or self.fits[fit_id].status not in ("pending", "finished"):
                files = read_files(self.context.folder, store.fit_paths(fit_id))
                self.sent += 1
                with warnings.catch_warnings():  # that it is large
                    warnings.simplefilter("ignore")
                    # unlike scattered data, a result that is lost with a worker is made again
                    self.fits[fit_id] = self.client.submit(
                        carried, files, key=f"{self.name}-fit-{self.sent}", pure=False
                    )
        return [self.fits[addresses.of[position].fit_id] for position in task.fits]

    def keep(self, files: Files) -> None:
        """Put what a worker sent into the run's folder."""
        with disk_full_as_error(self.context.folder):
            write_files(self.context.folder, files)

    def _look_around(self, progress: Progress) -> None:
        """See how many tasks the workers do at once now."""
        if self.slots and time.monotonic() - self.looked < LOOK_AROUND:
            return
        workers = self.cluster.workers()
        gpu = self.context.device.type == "cuda"
        slots = sum(min(worker.slots, worker.gpus) if gpu else worker.slots for worker in workers)
        if not slots and (self.slots or not self.looked):
            what = "worker with a GPU" if gpu else "worker"
            progress.message(f"{self.cluster.where} has no {what} now; waiting for one to join.")
        self.slots, self.looked = slots, time.monotonic()

    def _open(self, progress: Progress) -> None:
        """Give the run to all workers, and see whether each can take part."""
        if self.opened:
            return
        while not self.cluster.workers():
            self._look_around(progress)
            time.sleep(1.0)
        folder, dataset = self.context.folder, self.context.plan.dataset
        token = folder / f"dask.json{pixels_file(folder).name.partition('.npy')[2]}"
        content = uuid.uuid4().hex
        if not self.cluster.transfer:
            write_pixels(pixels_file(folder), dataset.pixels)
            token.write_text(content, encoding="utf-8")
        package = Package(
            name=self.name,
            context=pickle.dumps(without_pixels(self.context)),
            folder=folder,
            pixels=dataset.pixels if self.cluster.transfer else pixels_file(folder),
            token=None if self.cluster.transfer else (token, content),
            versions=versions(),
            timeout=self.cluster.timeout,
        )
        self.opened = True
        self.client.subscribe_topic(self.name, self._on_event)
        try:
            self.client.register_plugin(RunPlugin(package), name=self.name)
            problems = self.client.run(_problem, self.name, on_error="return")
        except ImportError as error:
            raise MimbenchError(
                f"A worker of {self.cluster.where} lacks what this run needs: {error}. Install "
                "mimbench with the same versions on every machine."
            ) from error
        except LOST as error:
            raise self.cluster.lost() from error
        for address, problem in problems.items():
            if isinstance(problem, str):
                raise cannot_take_part(address, problem)

    def _on_event(self, event: tuple[float, Any]) -> None:
        _, said = event
        self.events[said["key"]] = (float(said["done"]), str(said["note"]))


class _Work:
    """A list of tasks while the cluster is at it."""

    def __init__(self, executor: DaskExecutor, tasks: Sequence[Task], failures: Failures) -> None:
        self.executor, self.failures = executor, failures
        self.queue = deque(tasks)
        self.running: dict[Any, tuple[str, Task]] = {}
        self.done = 0.0

    def unfinished(self) -> bool:
        """Whether a task waits or is being done."""
        return bool(self.queue or self.running)

    def step(self) -> None:
        """Hand out tasks, and take what is done."""
        while self.queue and len(self.running) < AHEAD * self.executor.slots:
            task = self.queue.popleft()
            fits = self.failures.left_of(task)
            if not fits:
                self.done += task.size
                continue
            task = replace(task, fits=fits)
            key, future = self.executor.submit(task)
            self.running[future] = key, task
        for future in [each for each in self.running if each.status != "pending"]:
            key, task = self.running.pop(future)
            self._take(future, task)
            self.executor.events.pop(key, None)
            future.release()
        self._report()

    def _take(self, future: Any, task: Task) -> None:
        if future.status == "error":
            self._on_error(future.exception(), task)
            return
        if future.status != "finished":
            raise self.executor.cluster.lost()
        try:
            report: TaskReport = future.result()
        except (distributed.FutureCancelledError, *LOST) as error:
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

    def _on_error(self, error: Exception, task: Task) -> None:
        """Dask gave a task up: its workers died of it, or something in it cannot be sent."""
        if not isinstance(error, distributed.KilledWorker):
            raise MimbenchError(
                f"{task.stage} cannot be done on a Dask worker: {type(error).__name__}: {error}"
            ) from error
        deaths = error.allowed_failures + 1
        if len(task.fits) > 1:  # which of them it was will show
            text = f"{task.stage}: {deaths} Dask workers died; each trained model is scored alone."
            self.failures.progress.message(text)
            alone = [
                replace(task, fits=(fit,), size=task.size / len(task.fits)) for fit in task.fits
            ]
            self.queue.extendleft(reversed(alone))
            return
        reason = f"{deaths} Dask workers died while they did it; out of memory?"
        self.failures.add(task, task.fits[0], reason)
        self.done += task.size

    def _report(self) -> None:
        """Tell how far the tasks are, and what is being worked on."""
        events = [
            self.executor.events[key]
            for key, _ in self.running.values()
            if key in self.executor.events
        ]
        notes = [note for _, note in events if note]
        more = f" and {len(notes) - 2} more" if len(notes) > 2 else ""
        done = self.done + sum(part for part, _ in events)
        self.failures.progress.update(done, "; ".join(notes[:2]) + more)


def cannot_take_part(worker: str, problem: str) -> MimbenchError:
    """What to raise when a worker must not compute for this run."""
    return MimbenchError(f"The Dask worker {worker} cannot take part: {problem}.")


def _problem(name: str, dask_worker: Any) -> str | None:
    """Why a worker cannot take part in a run: what Dask calls on each of them."""
    problem: str | None = dask_worker.plugins[name].problem
    return problem
