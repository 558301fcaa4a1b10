"""Do the tasks of a run on a Dask cluster: what the driver hands out, hears and counts."""

import contextlib
import pickle
import time
import uuid
import warnings
from collections.abc import Sequence
from typing import Any

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.dask_cluster.cluster import LOST, DaskCluster
from mimbench.evaluation.execution.dask_cluster.scheduling import (
    DaskScheduler,
    Heard,
    WorkerGone,
    cannot_take_part,
)
from mimbench.evaluation.execution.dask_cluster.worker import (
    Files,
    Package,
    RunPlugin,
    carried,
    perform,
    read_files,
    versions,
    write_files,
)
from mimbench.evaluation.execution.executor import Executor, Failures
from mimbench.evaluation.execution.tasks import Task, TaskContext, evened_out
from mimbench.evaluation.execution.worker_pool import pixels_file, without_pixels, write_pixels
from mimbench.files import disk_full_as_error
from mimbench.progress import Progress
from mimbench.scores.run_files import remove_partials
from mimbench.text import counted

__all__ = ["DaskExecutor"]

TICK = 0.1  # seconds between two looks at the tasks
CLUSTER = "all"  # topic of what happens in a Dask cluster
LOOK_AROUND = 2.0  # seconds between two looks at the workers
RESTART = 300.0  # seconds in which one of the workers started here must be back


class DaskExecutor(Executor):
    """A run on the workers of a Dask scheduler."""

    def __init__(self, context: TaskContext, cluster: DaskCluster) -> None:
        """Nothing happens before `perform`."""
        self.context, self.cluster, self.client = context, cluster, cluster.client
        self.name = f"mimbench-{uuid.uuid4().hex[:12]}"
        self.opened = False
        self.sent = 0
        self.slots = 0
        self.looked = 0.0
        self.deserted = 0.0
        self.scheduling: DaskScheduler | None = None
        self.fits: dict[str, Any] = {}

    def __exit__(self, *raised: object) -> None:
        """Cancel what is queued, and end what runs for this run on the workers."""
        if self.opened and not self.cluster.gone:
            with contextlib.suppress(*LOST):
                self.client.cancel(list(self.fits.values()), force=True)
                self.client.unsubscribe_topic(self.name)
                self.client.unsubscribe_topic(CLUSTER)
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
        self._look_around(progress)
        failures = Failures(self.context.plan, progress)
        shared = evened_out(tasks, max(self.slots, 1))
        self.scheduling = scheduling = DaskScheduler(self, shared, failures)
        try:
            while scheduling.unfinished():
                self._look_around(progress)
                scheduling.step(self.slots)
                time.sleep(TICK)
        finally:
            if not self.cluster.gone:
                with contextlib.suppress(*LOST):
                    self.client.cancel(list(scheduling.running), force=True)
        return failures.reasons

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

    def withdraw(self, future: Any, key: str) -> None:
        """Take a task back, also from a worker that has begun it."""
        with contextlib.suppress(*LOST):
            self.client.cancel([future], force=True)
            self.client.run(_stop, self.name, key, wait=False, on_error="ignore")

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
        """See how many tasks the workers do at once now.

        Raises:
            MimbenchError: the workers started here are gone for long: nobody else brings one.
        """
        if self.slots and time.monotonic() - self.looked < LOOK_AROUND:
            return
        workers = self.cluster.workers()
        gpu = self.context.device.type == "cuda"
        slots = sum(min(worker.slots, worker.gpus) if gpu else worker.slots for worker in workers)
        now = time.monotonic()
        if not slots and (self.slots or not self.looked):
            what = "worker with a GPU" if gpu else "worker"
            progress.message(f"{self.cluster.where} has no {what} now; waiting for one to join.")
            self.deserted = now
        self.slots, self.looked = slots, now
        if self.cluster.local and not slots and now - self.deserted >= RESTART:
            raise MimbenchError(
                f"No Dask worker of {self.cluster.where} is left, and none has restarted within "
                f"{RESTART:.0f} s. What was computed is kept: repeat the command to continue."
            )

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
        self.client.subscribe_topic(CLUSTER, self._on_change)
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
        if self.scheduling is not None:
            self.scheduling.heard.put(Heard(**event[1]))

    def _on_change(self, event: tuple[float, Any]) -> None:
        about = event[1]
        if self.scheduling is None or not isinstance(about, dict):
            return
        if about.get("action") == "remove-worker":
            gone = WorkerGone(about["worker"], died=not about.get("expected", False))
            self.scheduling.heard.put(gone)


def _problem(name: str, dask_worker: Any) -> str | None:
    """Why a worker cannot take part in a run: what Dask calls on each of them."""
    problem: str | None = dask_worker.plugins[name].problem
    return problem


async def _stop(name: str, key: str, dask_worker: Any) -> None:
    """End a task that nobody wants any more: Dask calls it on each worker, see `warm_up_there`."""
    dask_worker.plugins[name].withdrawn.add(key)
