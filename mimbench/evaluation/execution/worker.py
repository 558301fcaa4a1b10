"""A worker process: does tasks, tells its supervisor what it is at, and may die at any moment."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from mimbench.errors import OutputError
from mimbench.evaluation.execution.failure import reason_of
from mimbench.evaluation.execution.tasks import Order, Task
from mimbench.evaluation.fitting import Fit, fit_or_load
from mimbench.evaluation.scoring import Shard, score_unit, units
from mimbench.files import room
from mimbench.runfolder.store import Store

__all__ = ["Advanced", "Begun", "Event", "Failed", "Finished", "Ready", "Stopped", "serve"]

KEEP = 2**31  # bytes of fitted states that a worker keeps between two tasks
TELL_EVERY = 0.2  # seconds between two notes on progress


@dataclass(frozen=True)
class Ready:
    """The worker waits for its first task."""


@dataclass(frozen=True)
class Begun:
    """The worker is at this fit from now on; None: at what all fits of the task share."""

    fit: int | None


@dataclass(frozen=True)
class Advanced:
    """`share` of the task is done; `note` says what is being worked on."""

    share: float
    note: str


@dataclass(frozen=True)
class Failed:
    """This fit of the task raised an error."""

    fit: int
    reason: str


@dataclass(frozen=True)
class Finished:
    """The task is done, but for fits that failed."""


@dataclass(frozen=True)
class Stopped:
    """Nobody can go on, for instance because the disk is full."""

    sentence: str


Event = Ready | Begun | Advanced | Failed | Finished | Stopped


def serve(order: Order, pipe: Connection) -> None:
    """Do the tasks that come through `pipe` until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(order.threads)
    cv2.setNumThreads(order.threads)
    threadpool_limits(order.threads)
    worker = _Worker(order, pipe.send)
    try:
        pipe.send(Ready())
        while True:
            task: Task = pipe.recv()
            try:
                with room(order.folder):
                    worker.perform(task)
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


class _Worker:
    def __init__(self, order: Order, send: Callable[[Event], None]) -> None:
        pixels = np.asarray(np.load(order.pixels, mmap_mode="r"))
        self.plan = replace(order.plan, dataset=replace(order.plan.dataset, pixels=pixels))
        self.units = list(units(self.plan))
        self.store = Store(order.folder)
        self.device = order.device
        self.send = send
        self.kept: dict[int, Fit] = {}
        self.kept_bytes = 0
        self.told = 0.0

    def perform(self, task: Task) -> None:
        """Do a task; what it yields is in the store afterwards."""
        if task.unit is None:
            self._fit(task.fits[0])
        else:
            self._score(task, Shard(self.plan, self.units[task.unit]))

    def _fit(self, position: int) -> None:
        spec = self.plan.fits[position]
        self.send(Begun(position))
        try:
            fit_or_load(self.plan, spec, self.store, self.device, self._training)
        except OutputError:
            raise
        except Exception as error:
            self.send(Failed(position, reason_of(spec, error)))

    def _training(self, done: int, total: int, note: str) -> None:
        self._tell(done / max(total, 1), f"step {done}/{total}, {note}")

    def _score(self, task: Task, shard: Shard) -> None:
        self.send(Begun(None))
        shard.batch(self.plan.canonical_size)
        at: list[int] = []
        for _, result in score_unit(shard, self._fits(task, at), self.store, self.device):
            if isinstance(result, Exception):
                self.send(Failed(at[-1], reason_of(self.plan.fits[at[-1]], result)))

    def _fits(self, task: Task, at: list[int]) -> Iterator[Fit]:
        """The task's fits, one after another; the position of the current one is last in `at`."""
        for done, position in enumerate(task.fits):
            at.append(position)
            self._tell(done / len(task.fits), "")
            self.send(Begun(position))
            try:
                fit = self._loaded(position)
            except OutputError:
                raise
            except Exception as error:
                self.send(Failed(position, reason_of(self.plan.fits[position], error)))
            else:
                yield fit

    def _loaded(self, position: int) -> Fit:
        if position in self.kept:
            return self.kept[position]
        spec = self.plan.fits[position]
        fit = fit_or_load(self.plan, spec, self.store, self.device, self._training)
        size = self.store.fit_bytes(fit.fit_id)
        if self.kept_bytes + size <= KEEP:
            self.kept[position] = fit
            self.kept_bytes += size
        return fit

    def _tell(self, share: float, note: str) -> None:
        if time.monotonic() - self.told > TELL_EVERY:
            self.told = time.monotonic()
            self.send(Advanced(share, note))
