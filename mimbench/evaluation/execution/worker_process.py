"""A worker process as its supervisor sees it: how it is started, what it is at, how it ended."""

import contextlib
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver

from mimbench.evaluation.execution.tasks import Task
from mimbench.evaluation.execution.worker import WorkerContext, serve

__all__ = ["KILLED", "WorkerProcess", "warm_up"]

KILLED = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one of the two

# A fork of a process that has imported everything costs milliseconds; elsewhere forks are unsafe.
if sys.platform == "linux":
    CONTEXT = multiprocessing.get_context("forkserver")
else:
    CONTEXT = multiprocessing.get_context("spawn")


def warm_up() -> None:
    """Let the imports of worker processes begin, while this one does something else.

    A worker imports what its parent's main module does; of ours, they inherit it all.
    """
    if CONTEXT.get_start_method() == "forkserver":
        ours = [name for name in list(sys.modules) if name.partition(".")[0] == "mimbench"]
        forkserver.set_forkserver_preload(["mimbench.evaluation.execution.worker", *ours])
        forkserver.ensure_running()


class WorkerProcess:
    """One worker process.

    Attributes:
        device: where it computes.
        ready: whether it has begun.
        task: that it is at; None: it waits for one.
        fit: position of the fit that it is at; None: what all fits of the task share.
        share: of the task that is done.
        note: what it is at.
        deadline: time (monotonic clock) at which its fit has taken too long.
    """

    def __init__(self, context: WorkerContext) -> None:
        """Start it."""
        self.pipe, other = CONTEXT.Pipe()
        # it may have children of its own, which a daemon may not
        self.process = CONTEXT.Process(target=serve, args=(context, other), daemon=False)
        self.process.start()
        other.close()
        self.device = context.run.device
        self.ready = False
        self.task: Task | None = None
        self.fit: int | None = None
        self.share = 0.0
        self.note = ""
        self.deadline = float("inf")

    def begin(self, task: Task) -> None:
        """It was sent a task."""
        self.task, self.share, self.note = task, 0.0, ""
        self.fit = task.fits[0] if task.unit is None else None
        self.deadline = float("inf")

    def terminate(self) -> str:
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
