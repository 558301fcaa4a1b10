"""A worker process: does tasks, tells its supervisor what it is at, and may die at any moment."""

import os
import signal
import threading
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from mimbench.errors import OutputError
from mimbench.evaluation.execution.performing import KeptFits, Performer, TaskEvent
from mimbench.evaluation.execution.tasks import Task, TaskContext
from mimbench.files import disk_full_as_error

__all__ = ["Finished", "Ready", "Stopped", "WorkerContext", "WorkerEvent", "serve"]

KEEP = 2**31  # bytes of fitted states that a worker keeps between two tasks


@dataclass(frozen=True)
class WorkerContext:
    """What a worker process is started with.

    Attributes:
        run: of the run; its plan's dataset comes without pixels.
        pixels: file of the pixels (.npy), which processes map into memory instead of copying it.
    """

    run: TaskContext
    pixels: Path

    def with_pixels(self) -> TaskContext:
        """The run's context, with the pixels mapped into memory."""
        pixels = np.asarray(np.load(self.pixels, mmap_mode="r"))
        plan = self.run.plan
        return replace(self.run, plan=replace(plan, dataset=replace(plan.dataset, pixels=pixels)))


@dataclass(frozen=True)
class Ready:
    """The worker waits for its first task."""


@dataclass(frozen=True)
class Finished:
    """The task is done, but for fits that failed."""


@dataclass(frozen=True)
class Stopped:
    """Nobody can go on, for instance because the disk is full."""

    sentence: str


WorkerEvent = TaskEvent | Ready | Finished | Stopped


def serve(context: WorkerContext, pipe: Connection) -> None:
    """Do the tasks that come through `pipe` until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threads = context.run.threads
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    threadpool_limits(threads)
    run = context.with_pixels()
    performer = Performer(run, KeptFits(run, KEEP), pipe.send)
    try:
        pipe.send(Ready())
        while True:
            task: Task = pipe.recv()
            try:
                with disk_full_as_error(run.folder):
                    performer.perform(task)
                pipe.send(Finished())
            except OutputError as error:
                pipe.send(Stopped(str(error)))
    except (EOFError, BrokenPipeError):  # the supervisor is gone
        return


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
