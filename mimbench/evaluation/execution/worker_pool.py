"""Do the tasks of a run in worker processes, which may die: another one does what was lost.

No library in use here survives the kill of a process: `concurrent.futures` and loky break as a
whole, and so does pebble 5.2, whose workers share one channel (a few kills among 100 tasks end
all of them). Here each worker has a pipe of its own, so that its end concerns nobody else.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.environment import devices_of, pick_device
from mimbench.evaluation.execution.executor import TRIES, Executor, Failures
from mimbench.evaluation.execution.machine import memory_gib
from mimbench.evaluation.execution.performing import KeptFits
from mimbench.evaluation.execution.scheduler import Scheduler
from mimbench.evaluation.execution.tasks import Task, TaskContext, evened_out
from mimbench.evaluation.execution.worker import WorkerContext
from mimbench.evaluation.execution.worker_process import WorkerProcess, warm_up
from mimbench.files import PARTIAL, create
from mimbench.progress import Progress
from mimbench.scores.run_files import PIXELS, remove_partials
from mimbench.text import counted

__all__ = ["Jobs", "WorkerPool", "pixels_file", "usual_count", "without_pixels", "write_pixels"]

WORKER_MEMORY = 2.0  # GiB that one worker process may need


@dataclass(frozen=True)
class Jobs:
    """How a run is spread over worker processes.

    Scores are bit-identical for the same number of threads per process, whatever the number of
    processes; each gets an equal part of the threads that one process would have had.

    Attributes:
        count: number of worker processes.
        timeout: seconds that a fit, and the scores of one fit on one unit, may take; None: any.
    """

    count: int
    timeout: float | None = None

    @classmethod
    def of(cls, count: int | None, timeout: float | None, device: str = "cpu") -> "Jobs | None":
        """What the flags --jobs, --timeout and --device ask for; None: no worker process.

        Without a count it is `usual_count`.

        Raises:
            MimbenchError: a timeout that is not positive, or that nobody could enforce.
        """
        if timeout is not None and not timeout > 0:
            raise MimbenchError(f"--timeout must be more than 0 seconds, not {timeout:g}.")
        if count is None:
            count = usual_count(pick_device(device), torch.get_num_threads(), memory_gib())
        if count == 0 and timeout is not None:
            raise MimbenchError("--timeout needs a worker process to stop: --jobs 1 or more.")
        return cls(count, timeout) if count else None

    @property
    def threads(self) -> int:
        """Threads of each worker process."""
        return max(1, torch.get_num_threads() // self.count)

    @property
    def apart(self) -> bool:
        """Plug-ins run in worker processes."""
        return True

    def device(self, name: str) -> torch.device:
        """The first of the devices called `name`; each worker process gets one of them."""
        return pick_device(name)

    def prepare(self) -> None:
        """Let the imports of worker processes begin."""
        warm_up()

    def executor(self, context: TaskContext, fits: KeptFits) -> "WorkerPool":
        """The executor of a run; each worker process keeps fits of its own."""
        return WorkerPool(context, self)


class WorkerPool(Executor):
    """Worker processes for one run, started when there is something to do.

    Attributes:
        tries: kills of its worker, without any progress between them, after which a fit has failed;
            and starts in a row that may fail.
    """

    tries = TRIES

    def __init__(
        self,
        context: TaskContext,
        jobs: Jobs,
        pixels: Path | None = None,
        devices: Sequence[torch.device] = (),
    ) -> None:
        """Nothing happens before `perform`.

        Args:
            context: of the run.
            jobs: how many workers, and how long they may take.
            pixels: file that has the images already; None: the plan has them.
            devices: that the workers share; none: those that the run asks for.
        """
        self.plan, self.jobs = context.plan, jobs
        self.devices = devices or devices_of(context.plan.run.device, context.device)
        self.context = WorkerContext(
            run=without_pixels(context),
            pixels=pixels or pixels_file(context.folder),
        )
        self.workers: list[WorkerProcess] = []
        self.failed_starts = 0

    def __exit__(self, *raised: object) -> None:
        """End all workers, and remove the images that they read."""
        self.end()
        remove_partials(self.context.run.folder)  # and what a killed worker was writing

    def end(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.terminate()
        self.workers = []

    @property
    def where(self) -> str:
        """Processes and threads."""
        threads = counted(self.context.run.threads, "thread")
        return f" in {counted(self.jobs.count, 'process')} of {threads}"

    def perform(self, tasks: Sequence[Task], progress: Progress) -> dict[int, str]:
        """Do all tasks; see `Executor`."""
        if not tasks:
            return {}
        if not self.context.pixels.exists():
            write_pixels(self.context.pixels, self.plan.dataset.pixels)
        failures = Failures(self.plan, progress)
        self.work(evened_out(tasks, self.jobs.count), failures)
        return failures.reasons

    def work(self, tasks: Sequence[Task], failures: Failures) -> None:
        """Do all tasks, and note which fits failed."""
        scheduler = Scheduler(self, tasks, failures)
        while scheduler.unfinished():
            self._spawn(len(scheduler.queue), failures.progress)
            scheduler.step()

    def _spawn(self, waiting: int, progress: Progress) -> None:
        """Start as many workers as are missing and have something to do."""
        warm_up()  # nothing happens if it is
        idle = sum(worker.task is None for worker in self.workers)
        for _ in range(min(self.jobs.count - len(self.workers), waiting - idle)):
            try:
                self.workers.append(WorkerProcess(self._context_of_next()))
            except (EOFError, OSError) as error:
                self._count_failed_start(f"ended before they began ({type(error).__name__})")
                progress.message("The process that starts workers has ended; it is started again.")
                return

    def _context_of_next(self) -> WorkerContext:
        """What the next worker is started with: the device that fewest workers use."""
        used = [worker.device for worker in self.workers]
        device = min(self.devices, key=used.count)
        return replace(self.context, run=replace(self.context.run, device=device))

    def terminate(self, worker: WorkerProcess) -> str:
        """Take a dead worker, or one that must end, off the list and say how it ended."""
        self.workers.remove(worker)
        ended = worker.terminate()
        if not worker.ready:
            self._count_failed_start(ended)
        return ended

    def _count_failed_start(self, ended: str) -> None:
        self.failed_starts += 1
        if self.failed_starts >= self.tries:
            raise MimbenchError(
                f"Worker processes cannot start: each of {self.tries} {ended}. Use --jobs 0."
            )


def usual_count(device: torch.device, threads: int, memory: float | None) -> int:
    """Worker processes where the user names no number.

    Several processes of one thread train and score small networks faster than one process of
    several threads, see results/scaling.md. A GPU has one: more were not measured.

    Args:
        device: where the run computes.
        threads: that one process would have.
        memory: of the machine, GiB; None: not known.
    """
    if device.type != "cpu":
        return 1
    room = threads if memory is None else int(memory / WORKER_MEMORY)
    return max(1, min(threads, room))


def pixels_file(folder: Path) -> Path:
    """File in a run's folder that holds the images for this process's workers."""
    return folder / f"{PIXELS}.{os.getpid()}{PARTIAL}"


def write_pixels(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write images for workers to a file that nobody else may read: they may show people."""
    pixels = np.ascontiguousarray(pixels)
    header = np.lib.format.header_data_from_array_1_0(pixels)
    with os.fdopen(create(path, 0o600), "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(pixels.data)  # unlike `np.save` it says why it cannot


def without_pixels(context: TaskContext) -> TaskContext:
    """A context for another process, which reads the images from a file."""
    dataset = replace(context.plan.dataset, pixels=context.plan.dataset.pixels[:0], comparison=None)
    return replace(context, plan=replace(context.plan, dataset=dataset))
