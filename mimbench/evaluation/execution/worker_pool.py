"""Worker processes that may die: what was lost with one is done again, by another.

No library in use here survives the kill of a process: `concurrent.futures` and loky break as a
whole, and so does pebble 5.2, whose workers share one channel (a few kills among 100 tasks end
all of them). Here each worker has a pipe of its own, so that its end concerns nobody else.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch

from mimbench.errors import MimbenchError, OutputError
from mimbench.evaluation.execution.tasks import Order, Task
from mimbench.evaluation.execution.worker import (
    Advanced,
    Begun,
    Event,
    Failed,
    Finished,
    Ready,
    Stopped,
    serve,
)
from mimbench.evaluation.planning.plan import Plan
from mimbench.files import PARTIAL, create
from mimbench.progress import Progress
from mimbench.scores.run_files import PIXELS, remove_partials

__all__ = ["Crew", "Jobs", "warm_up"]

TRIES = 3  # kills of its worker, without any progress between them, after which a fit has failed
KILLED = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one of the two
TICK = 1.0  # seconds between two looks at the clock

# A fork of a process that has imported everything costs milliseconds; elsewhere forks are unsafe.
if sys.platform == "linux":
    CONTEXT = multiprocessing.get_context("forkserver")
else:
    CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Jobs:
    """How a run is spread over processes.

    Scores are bit-identical for the same number of threads per process, whatever the number of
    processes; each gets an equal part of the threads that one process would have had.

    Attributes:
        count: number of worker processes.
        timeout: seconds that a fit, and the scores of one fit on one unit, may take; None: any.
    """

    count: int
    timeout: float | None = None

    @classmethod
    def of(cls, count: int, timeout: float | None) -> "Jobs | None":
        """What the flags --jobs and --timeout ask for; None: no worker process.

        Raises:
            MimbenchError: a timeout that is not positive, or that nobody could enforce.
        """
        if timeout is not None and not timeout > 0:
            raise MimbenchError(f"--timeout must be more than 0 seconds, not {timeout:g}.")
        if count == 0 and timeout is not None:
            raise MimbenchError("--timeout needs a worker process to stop: --jobs 1 or more.")
        return cls(count, timeout) if count else None

    @property
    def threads(self) -> int:
        """Threads of each worker process."""
        return max(1, torch.get_num_threads() // self.count)


def warm_up() -> None:
    """Let the imports of worker processes begin, while this one does something else.

    A worker imports what its parent's main module does; of ours, they inherit it all.
    """
    if CONTEXT.get_start_method() == "forkserver":
        ours = [name for name in list(sys.modules) if name.partition(".")[0] == "mimbench"]
        forkserver.set_forkserver_preload(["mimbench.evaluation.execution.worker", *ours])
        forkserver.ensure_running()


class Crew:
    """Worker processes for one plan, started when there is something to do; use it in `with`."""

    def __init__(self, plan: Plan, folder: Path, device: torch.device, jobs: Jobs) -> None:
        """Nothing happens before `perform`.

        Args:
            plan: what the run computes.
            folder: of the run.
            device: where every worker computes.
            jobs: how many workers, and how long they may take.
        """
        self.plan = plan
        self.jobs = jobs
        pixels = folder / f"{PIXELS}.{os.getpid()}{PARTIAL}"
        light = replace(plan.dataset, pixels=plan.dataset.pixels[:0], comparison=None)
        self.order = Order(replace(plan, dataset=light), pixels, folder, device, jobs.threads)
        self.workers: list[_Worker] = []
        self.stillborn = 0

    def __enter__(self) -> "Crew":
        self.threads_before = torch.get_num_threads()
        torch.set_num_threads(self.order.threads)  # they are part of what scores depend on
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.kill()
        self.workers = []
        torch.set_num_threads(self.threads_before)
        remove_partials(self.order.folder)  # the pixels, and what a killed worker was writing

    def perform(self, tasks: Sequence[Task], progress: Progress) -> dict[int, str]:
        """Do all tasks; what they yield is in the store afterwards.

        Args:
            tasks: in the order in which they should begin.
            progress: its stage has begun, with the tasks' sizes as total.

        Returns:
            Position of each fit that failed -> its reason: an error, a timeout, or a worker that
            it killed again and again. Its scores in other tasks may be missing.

        Raises:
            OutputError: the disk is full.
            MimbenchError: worker processes cannot start.
        """
        if not tasks:
            return {}
        if not self.order.pixels.exists():
            self._write_pixels()
        shift = _Shift(self, tasks, progress)
        while shift.unfinished():
            self._hire(len(shift.queue), progress)
            shift.hand_out()
            shift.listen()
            shift.stop_overdue()
            shift.report()
        return shift.failed()

    def _write_pixels(self) -> None:
        """Images for the workers, in a file that nobody else may read: they may show people."""
        pixels = np.ascontiguousarray(self.plan.dataset.pixels)
        header = np.lib.format.header_data_from_array_1_0(pixels)
        with os.fdopen(create(self.order.pixels, 0o600), "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(pixels.data)  # unlike `np.save` it says why it cannot

    def _hire(self, waiting: int, progress: Progress) -> None:
        warm_up()  # nothing happens if it is
        idle = sum(worker.task is None for worker in self.workers)
        for _ in range(min(self.jobs.count - len(self.workers), waiting - idle)):
            try:
                self.workers.append(_Worker(self.order))
            except (EOFError, OSError) as error:
                self._count_stillborn(f"ended before they began ({type(error).__name__})")
                progress.message("The process that starts workers has ended; it is started again.")
                return

    def dismiss(self, worker: "_Worker") -> str:
        """Take a dead or killed worker off the list and say how it ended."""
        self.workers.remove(worker)
        ended = worker.kill()
        if not worker.ready:
            self._count_stillborn(ended)
        return ended

    def _count_stillborn(self, ended: str) -> None:
        self.stillborn += 1
        if self.stillborn >= TRIES:
            raise MimbenchError(
                f"Worker processes cannot start: each of {TRIES} {ended}. --jobs 0 does without."
            )


class _Worker:
    """A worker process as its supervisor sees it."""

    def __init__(self, order: Order) -> None:
        self.pipe, other = CONTEXT.Pipe()
        # it may have children of its own, which a daemon may not
        self.process = CONTEXT.Process(target=serve, args=(order, other), daemon=False)
        self.process.start()
        other.close()
        self.ready = False
        self.task: Task | None = None
        self.fit: int | None = None
        self.share = 0.0
        self.note = ""
        self.deadline = float("inf")

    def begin(self, task: Task) -> None:
        self.task, self.share, self.note = task, 0.0, ""
        self.fit = task.fits[0] if task.unit is None else None
        self.deadline = float("inf")

    def kill(self) -> str:
        """End the process if it has not ended, and say how it did."""
        self.process.kill()
        self.process.join()
        lives_on = self._lives_on()
        self.pipe.close()
        if lives_on and self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, KILLED)
                return "was lost with the process that starts workers"
        code = self.process.exitcode or 0
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def _lives_on(self) -> bool:
        """Whether the process works on although it counts as ended.

        How it ends is reported by the process that starts workers, and that one may be killed.
        """
        try:
            while self.pipe.poll():
                self.pipe.recv()
        except (EOFError, OSError):  # its end of the pipe is closed
            return False
        return True


class _Shift:
    """A list of tasks while a crew is at it."""

    def __init__(self, crew: Crew, tasks: Sequence[Task], progress: Progress) -> None:
        self.crew = crew
        self.queue = deque(tasks)
        self.progress = progress
        self.done = 0.0
        self.kills: dict[tuple[int | None, int | None], tuple[int, int]] = {}
        # fit -> (unit, reason): of several failures the first in the plan's order counts
        self.lost: dict[int, tuple[int, str]] = {}

    def unfinished(self) -> bool:
        return bool(self.queue) or any(worker.task for worker in self.crew.workers)

    def failed(self) -> dict[int, str]:
        return {fit: self.lost[fit][1] for fit in sorted(self.lost)}

    def hand_out(self) -> None:
        """Give every idle worker a task."""
        for worker in list(self.crew.workers):
            if not worker.ready or worker.task is not None:
                continue
            task = self._next()
            if task is None:
                return
            try:
                worker.pipe.send(task)
            except OSError:
                self.queue.appendleft(task)
                self.crew.dismiss(worker)
            else:
                worker.begin(task)

    def _next(self) -> Task | None:
        while self.queue:
            task = self.queue.popleft()
            fits = tuple(fit for fit in task.fits if fit not in self.lost)
            if fits:
                return replace(task, fits=fits)
            self.done += task.size
        return None

    def listen(self) -> None:
        """Wait for workers to say something or to die."""
        sources: dict[Any, _Worker] = {worker.pipe: worker for worker in self.crew.workers}
        sources |= {worker.process.sentinel: worker for worker in self.crew.workers}
        due = min((worker.deadline for worker in self.crew.workers), default=float("inf"))
        patience = max(0.0, min(TICK, due - time.monotonic()))
        for worker in {id(sources[s]): sources[s] for s in wait(list(sources), patience)}.values():
            try:
                while worker.pipe.poll():
                    self._hear(worker, worker.pipe.recv())
                alive = worker.process.is_alive()
            except (EOFError, OSError):
                alive = False
            if not alive:
                self._bury(worker)

    def _hear(self, worker: _Worker, event: Event) -> None:
        match event:
            case Ready():
                worker.ready, self.crew.stillborn = True, 0
            case Begun(fit):
                worker.fit = fit
                limit = self.crew.jobs.timeout
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

    def _fail(self, worker: _Worker, fit: int, reason: str) -> None:
        task = worker.task
        if task is None:
            return
        found = (-1 if task.unit is None else task.unit, f"{task.stage}: {reason}")
        if fit not in self.lost:
            self.progress.message(f"{self.crew.plan.fits[fit]} failed. {found[1]}")
        self.lost[fit] = min(found, self.lost.get(fit, found))

    def stop_overdue(self) -> None:
        """Kill workers whose fit takes longer than it may: it has failed, the others go on."""
        for worker in list(self.crew.workers):
            if time.monotonic() < worker.deadline or worker.task is None or worker.fit is None:
                continue
            self._fail(worker, worker.fit, f"timed out after {self.crew.jobs.timeout:g} s")
            self.queue.appendleft(worker.task)
            self.crew.dismiss(worker)

    def _bury(self, worker: _Worker) -> None:
        task, fit = worker.task, worker.fit
        ended = self.crew.dismiss(worker)
        if task is None:
            return
        self.queue.appendleft(task)
        count = self._count_kill(task, fit)
        what = self._name(task, fit)
        if count < TRIES:
            self.progress.message(f"{what}: its process {ended}; it is done again.")
            return
        guess = "; out of memory?" if worker.process.exitcode == -KILLED else ""
        for lost in task.fits if fit is None else (fit,):
            self._fail(worker, lost, f"its process {ended} {count} times{guess}")

    def _count_kill(self, task: Task, fit: int | None) -> int:
        """Kills of this work since it last got further."""
        file = task.checkpoint
        trace = file.stat().st_mtime_ns if file is not None and file.is_file() else 0
        count, before = self.kills.get((task.unit, fit), (0, trace))
        count = count + 1 if trace == before else 1
        self.kills[task.unit, fit] = (count, trace)
        return count

    def _name(self, task: Task, fit: int | None) -> str:
        return task.stage if fit is None else f"{self.crew.plan.fits[fit]}, {task.stage}"

    def report(self) -> None:
        """Tell how far the tasks are, and what is being worked on."""
        busy = [worker for worker in self.crew.workers if worker.task is not None]
        done = self.done
        notes = []
        for worker in busy:
            if worker.task is not None:
                done += worker.share * worker.task.size
                name = self._name(worker.task, worker.fit)
                notes.append(f"{name}: {worker.note}" if worker.note else name)
        more = f" and {len(notes) - 2} more" if len(notes) > 2 else ""
        self.progress.update(done, "; ".join(notes[:2]) + more)
