"""The interface of what executes a run: do these tasks, tell progress, say which failed and why."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, Self

import torch

from mimbench.evaluation.execution.performing import KeptFits
from mimbench.evaluation.execution.tasks import Task, TaskContext
from mimbench.evaluation.planning.plan import Plan
from mimbench.progress import Progress

__all__ = ["TRIES", "Backend", "Deaths", "Executor", "Failures", "threads_set_to"]

TRIES = 3  # deaths at the same work, without any progress between them, after which it has failed


class Executor(ABC):
    """Does the tasks of one run; use it in `with`.

    What a task yields is in the run's store afterwards, bit by bit the same for every executor
    whose processes have the same number of threads. `tests/helpers/executors.py` has the tests
    that each must pass.
    """

    def __enter__(self) -> Self:
        """Nothing happens before `perform`."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End everything that was started, however the block ended."""
        return

    @property
    @abstractmethod
    def where(self) -> str:
        """Where it computes, for the title of a stage: " in 2 processes of 1 thread", or empty."""

    @abstractmethod
    def perform(self, tasks: Sequence[Task], progress: Progress) -> dict[int, str]:
        """Do all tasks.

        Args:
            tasks: in the order in which they should begin.
            progress: its stage has begun, with the tasks' sizes as total.

        Returns:
            Position of each fit that failed -> its reason: the stage, and an error, a timeout, or
            how its process was killed. Its scores in other tasks may be missing.

        Raises:
            OutputError: the disk is full.
            MimbenchError: processes cannot start.
        """


class Backend(Protocol):
    """Which executor a run uses, as the user chose it."""

    @property
    def count(self) -> int:
        """Number of processes that compute at once."""

    @property
    def threads(self) -> int:
        """Threads of each of them."""

    @property
    def apart(self) -> bool:
        """Whether the code of plug-ins runs in other processes, which may hang or die."""

    def device(self, name: str) -> torch.device:
        """Where a run that asks for the device `name` computes.

        Raises:
            MimbenchError: there is no such device.
        """

    def prepare(self) -> None:
        """Begin what takes long to start, while images are read."""

    def executor(self, context: TaskContext, fits: KeptFits) -> Executor:
        """The executor of a run.

        Args:
            context: of the run.
            fits: those that this process keeps in memory.
        """


class Failures:
    """Which fits failed and why; of several failures of a fit the plan's first counts."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        """Nothing has failed yet.

        Args:
            plan: of the run.
            progress: is told of each fit that fails.
        """
        self.plan, self.progress = plan, progress
        self.found: dict[int, tuple[int, str]] = {}

    def add(self, task: Task, fit: int, reason: str) -> None:
        """A fit failed in a task."""
        found = (-1 if task.unit is None else task.unit, f"{task.stage}: {reason}")
        if fit not in self.found:
            self.progress.message(f"{self.plan.fits[fit]} failed. {found[1]}")
        self.found[fit] = min(found, self.found.get(fit, found))

    def left_of(self, task: Task) -> tuple[int, ...]:
        """Fits of a task that have not failed."""
        return tuple(fit for fit in task.fits if fit not in self.found)

    @property
    def reasons(self) -> dict[int, str]:
        """Position of each fit that failed -> its reason."""
        return {fit: self.found[fit][1] for fit in sorted(self.found)}


class Deaths:
    """How often a process died at the same work since that last got further."""

    def __init__(self) -> None:
        """Nobody has died yet."""
        self.found: dict[tuple[int | None, int | None], tuple[int, int]] = {}

    def count(self, task: Task, fit: int | None) -> int:
        """Count one more, and say how many there are.

        Args:
            task: that the process was at.
            fit: position of the fit that it was at; None: what all fits of the task share. A
                training has one fit, also before it is told.
        """
        fit = task.fits[0] if task.unit is None else fit
        file = task.checkpoint
        trace = file.stat().st_mtime_ns if file is not None and file.is_file() else 0
        count, before = self.found.get((task.unit, fit), (0, trace))
        count = count + 1 if trace == before else 1
        self.found[task.unit, fit] = (count, trace)
        return count


@contextmanager
def threads_set_to(count: int) -> Iterator[None]:
    """Let torch compute with this many threads for a while: scores depend on them."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
