"""What a Dask worker does of a run: it hands each task to a worker process of its own.

A detector that hangs or dies ends that process, not the Dask worker, and how it ended is known as
in the worker pool. Whoever kills the Dask worker itself ends its processes with it.
"""

import multiprocessing
import pickle
import shutil
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from distributed import WorkerPlugin, get_worker
from numpy.typing import NDArray

from mimbench.errors import MimbenchError, OutputError
from mimbench.evaluation.execution.environment import device_of, library_versions
from mimbench.evaluation.execution.executor import Failures
from mimbench.evaluation.execution.tasks import Task, TaskContext
from mimbench.evaluation.execution.worker_pool import Jobs, WorkerPool
from mimbench.evaluation.execution.worker_process import warm_up
from mimbench.files import atomic_write
from mimbench.progress import Silent
from mimbench.runfolder.store import fit_code, score_code
from mimbench.scores.run_files import PIXELS

__all__ = [
    "Files",
    "Package",
    "RunPlugin",
    "TaskReport",
    "carried",
    "perform",
    "read_files",
    "versions",
    "warm_up_there",
    "write_files",
]

TELL_EVERY = 1.0  # seconds between two notes on progress

Files = dict[str, bytes]  # path below a run's folder -> content


def versions() -> dict[str, str]:
    """Versions that the addresses of fits and scores name; they must be equal everywhere."""
    code = {"mimbench (what trains)": fit_code(), "mimbench (what scores)": score_code()}
    return {**code, **library_versions()}


@dataclass(frozen=True)
class Package:
    """What each Dask worker gets of a run, once.

    Attributes:
        name: of the run among those of the cluster.
        context: pickled `TaskContext`; its plan has no pixels.
        folder: of the run.
        pixels: file of the pixels in that folder, or the pixels themselves where none is shared.
        token: file in that folder and what it says; None: no folder is shared.
        versions: those that the driver has.
        timeout: seconds that a fit may take; None: any.
    """

    name: str
    context: bytes
    folder: Path
    pixels: Path | NDArray[np.uint8]
    token: tuple[Path, str] | None
    versions: Mapping[str, str]
    timeout: float | None

    def problem(self) -> str | None:
        """Why this machine cannot take part in the run; None: it can."""
        here = versions()
        other = [
            f"{name} {here.get(name, 'missing')} instead of {wanted}"
            for name, wanted in self.versions.items()
            if here.get(name) != wanted
        ]
        if other:
            return f"it has {', '.join(other)}; install the same versions everywhere"
        if self.token is not None:
            path, content = self.token
            try:
                same = path.read_text(encoding="utf-8") == content
            except OSError:
                same = False
            if not same:
                return (
                    f"it does not see the run's folder {self.folder}; share that folder between "
                    "the machines, under the same path, or add --dask-transfer"
                )
        return None


@dataclass
class TaskReport:
    """What became of a task.

    Attributes:
        failed: position of each fit that failed -> its reason.
        messages: what is worth a line.
        files: what was computed, where no folder is shared.
        problem: why this worker cannot take part.
        stopped: why nobody can go on, and whether it is about writing.
    """

    failed: dict[int, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    files: Files = field(default_factory=dict)
    problem: str | None = None
    stopped: tuple[str, bool] | None = None


class RunPlugin(WorkerPlugin):
    """A run on a Dask worker; Dask gives it to workers that join later, too."""

    def __init__(self, package: Package) -> None:
        """Nothing happens before `setup`, on the worker."""
        self.package = package

    def setup(self, worker: Any) -> None:
        """See whether this worker can take part."""
        # Dask's workers are daemons, which may not start processes. Ours end with this one.
        multiprocessing.current_process().daemon = False
        self.worker = worker
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.idle: list[_Slot] = []
        self.slots = 0
        self.withdrawn: set[str] = set()  # keys of tasks that nobody wants any more
        self.place = Path(worker.local_directory) / self.package.name
        self.problem = self.package.problem()
        if not isinstance(self.package.pixels, Path):
            self.place.mkdir(mode=0o700, exist_ok=True)
            np.save(self.place / PIXELS, self.package.pixels)

    def teardown(self, worker: Any) -> None:
        """The run is over: end its processes and remove what was sent."""
        self.stopped.set()
        with self.lock:
            while self.idle:
                self.idle.pop().end()
        shutil.rmtree(self.place, ignore_errors=True)

    def perform(self, key: str, task: Task, fits: Sequence[Files]) -> TaskReport:
        """Do a task, in a thread of the Dask worker."""
        if self.problem is not None:
            return TaskReport(problem=self.problem)
        self.tell(key, task.fits[0] if task.unit is None else None, 0.0, "")
        with self.lock:
            slot = self.idle.pop() if self.idle else None
            if slot is None:
                slot = _Slot(self, self.slots)
                self.slots += 1
        try:
            return slot.perform(key, task, fits)
        finally:
            with self.lock:
                if self.stopped.is_set():
                    slot.end()
                else:
                    self.idle.append(slot)

    def tell(self, key: str, fit: int | None, share: float, note: str) -> None:
        """Tell the driver how far a task is; if this worker dies, it knows at which work."""
        event = {"key": key, "worker": self.worker.address, "fit": fit, "done": share, "note": note}
        self.worker.log_event(self.package.name, event)


class _Slot:
    """A worker process; a Dask worker has as many as it does tasks at once."""

    def __init__(self, plugin: RunPlugin, number: int) -> None:
        """The process is started by the first task."""
        self.plugin, package = plugin, plugin.package
        context: TaskContext = pickle.loads(package.context)  # noqa: S301  (from Dask's client)
        self.transfers = package.token is None
        pixels = package.pixels
        if not isinstance(pixels, Path):
            pixels = plugin.place / PIXELS
            context = replace(context, folder=plugin.place / f"slot-{number}")
            context.store.prepare()
        gpus = int(plugin.worker.state.total_resources.get("GPU", 1))
        device = device_of(number, context.device, gpus)
        self.context = replace(context, device=device)
        self.pool = WorkerPool(self.context, Jobs(1, package.timeout), pixels, [device])

    def perform(self, key: str, task: Task, fits: Sequence[Files]) -> TaskReport:
        """Do a task."""
        relay = _Relay(self.plugin, key, self.pool)
        failures = _Noted(self.context.plan, relay)
        try:
            if self.transfers:
                task = self._receive(task, fits)
            self.pool.work([task], failures)
            made = self._made(task) if self.transfers else {}
        except MimbenchError as error:
            return TaskReport(stopped=(str(error), isinstance(error, OutputError)))
        except _RunIsOverError:
            self.end()
            return TaskReport(stopped=("The run is over.", False))
        return TaskReport(failures.noted, relay.messages, made)

    def end(self) -> None:
        """End the process."""
        self.pool.end()

    def _receive(self, task: Task, fits: Sequence[Files]) -> Task:
        """Put fits that were made elsewhere where the process finds them."""
        context = self.context
        for files in fits:
            if not all((context.folder / name).is_file() for name in files):
                write_files(context.folder, files)
        if task.unit is not None:
            return task
        address = context.addresses.of[task.fits[0]]
        return replace(task, checkpoint=context.store.checkpoint(address.fit_id))

    def _made(self, task: Task) -> Files:
        """What a task left: a fit, which stays here too, or scores, which do not."""
        folder, store = self.context.folder, self.context.store
        if task.unit is None:
            fit_id = self.context.addresses.of[task.fits[0]].fit_id
            return read_files(folder, store.fit_paths(fit_id)) if store.has_fit(fit_id) else {}
        paths = sorted(folder.glob("blocks/*/*.parquet"))
        found = read_files(folder, paths)
        for path in paths:
            path.unlink()
        return found


class _RunIsOverError(Exception):
    """The driver ended the run, or withdrew a task, while that was being done."""


class _Relay(Silent):
    """Progress of a task, sent to the driver."""

    def __init__(self, plugin: RunPlugin, key: str, pool: WorkerPool) -> None:
        self.plugin, self.key, self.pool = plugin, key, pool
        self.messages: list[str] = []
        self.fit: int | None = None
        self.told = 0.0

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        if self.plugin.stopped.is_set() or self.key in self.plugin.withdrawn:
            raise _RunIsOverError
        fit = next((worker.fit for worker in self.pool.workers), None)
        if fit != self.fit or time.monotonic() - self.told > TELL_EVERY:
            self.fit, self.told = fit, time.monotonic()
            self.plugin.tell(self.key, fit, done, note)

    def message(self, text: str) -> None:
        self.messages.append(text)


class _Noted(Failures):
    """Failures of one task; the driver tells them."""

    @property
    def noted(self) -> dict[int, str]:
        """Position of each fit that failed -> its reason, without the stage."""
        return {fit: reason for fit, (_, reason) in self.found.items()}

    def add(self, task: Task, fit: int, reason: str) -> None:
        self.found.setdefault(fit, (0, reason))


def perform(name: str, key: str, task: Task, *fits: Files) -> TaskReport:
    """Do a task of the run called `name`: what Dask calls on a worker."""
    plugin: RunPlugin = get_worker().plugins[name]
    return plugin.perform(key, task, fits)


async def warm_up_there() -> None:
    """Let the imports of a worker and of its processes begin: what Dask calls on each worker.

    It is a coroutine because Dask refuses to call anything else without waiting for its end.
    """
    warm_up()


def carried(files: Files) -> Files:
    """A fit on its way to the workers: Dask hands its bytes from one to the next."""
    return files


def read_files(folder: Path, paths: Iterable[Path]) -> Files:
    """Files below a run's folder, for another machine."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_files(folder: Path, files: Files) -> None:
    """Write files that came from another machine; a fit's note last, since it vouches for it."""
    for name in sorted(files, key=lambda name: (name.endswith(".json"), name)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            partial.write_bytes(files[name])
