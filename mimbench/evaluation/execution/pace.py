"""How far a list of tasks is, and how long the rest takes with the workers of this moment."""

import time
from collections.abc import Sequence

from mimbench.evaluation.execution.tasks import Task
from mimbench.progress import Progress
from mimbench.text import counted

__all__ = ["Pace"]

KNOWN_FROM = 0.02  # of a stage: what is left is not told from its start-up
SHOWN = 2  # works in progress that a note names


class Pace:
    """The pace of one worker, measured over all of them: they may join and leave."""

    def __init__(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Nothing has begun.

        Args:
            tasks: all that are to be done.
            progress: is told how far they are.
        """
        self.progress = progress
        self.tasks, self.total = len(tasks), sum(task.size for task in tasks)
        self.spent = 0.0  # seconds, summed over workers
        self.looked = time.monotonic()

    def tell(self, done: float, unfinished: int, workers: int, notes: Sequence[str]) -> None:
        """Tell how far the tasks are.

        Args:
            done: size of what is done, parts of tasks included.
            unfinished: tasks that wait or are being done.
            workers: processes that compute, or could if there were more tasks.
            notes: what each of those at work is at.
        """
        now = time.monotonic()
        self.spent += (now - self.looked) * min(workers, unfinished)
        self.looked = now
        self.progress.update(
            done, self._note(unfinished, workers, notes), self._left(done, workers)
        )

    def _left(self, done: float, workers: int) -> float | None:
        """Seconds until the last task is done; None while that is not known."""
        if not workers or done <= KNOWN_FROM * self.total:
            return None
        return self.spent / done * (self.total - done) / workers

    def _note(self, unfinished: int, workers: int, notes: Sequence[str]) -> str:
        more = f" and {len(notes) - SHOWN} more" if len(notes) > SHOWN else ""
        work = "; ".join(notes[:SHOWN]) + more
        if self.tasks == 1:  # a worker of a cluster has one at a time
            return work
        finished = f"{max(self.tasks - unfinished, 0)} of {counted(self.tasks, 'task')}"
        return f"{counted(workers, 'worker')}, {finished}" + (f": {work}" if work else "")
