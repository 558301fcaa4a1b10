"""The unit of work of a run: one fit, or one condition on one shard of images for several fits.

A task names its work by position in the plan, and its result goes to the run's store: any process
that has a `TaskContext` and sees the run's folder can do it, in any order and more than once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch

from mimbench.evaluation.fitting import Addresses, Fit
from mimbench.evaluation.planning.plan import Condition, Plan
from mimbench.evaluation.scoring import block_address, units
from mimbench.runfolder.store import Store

__all__ = [
    "Task",
    "TaskContext",
    "WantedBlock",
    "evened_out",
    "fit_tasks",
    "score_tasks",
    "wanted_blocks",
]


@dataclass(frozen=True)
class TaskContext:
    """What a process needs to know once, to do any task of a run.

    Attributes:
        plan: what the run computes.
        addresses: of its fits.
        folder: of the run; results go to its store.
        device: where to compute.
        threads: of each process; scores are bit-identical for equal threads only.
    """

    plan: Plan
    addresses: Addresses
    folder: Path
    device: torch.device
    threads: int

    @property
    def store(self) -> Store:
        """The run's store."""
        return Store(self.folder)


@dataclass(frozen=True)
class Task:
    """One fit, or one condition on one shard of images for the fits that have not scored it.

    Attributes:
        stage: for failed rows: "fit", or "score" and the condition.
        fits: positions in the plan's fits.
        unit: position among the plan's units; None: the task is a fit.
        size: its part of the stage's progress.
        checkpoint: file that changes when the task gets further, if there is one.
        upcoming: position of the unit that the same process will probably get next.
    """

    stage: str
    fits: tuple[int, ...]
    unit: int | None
    size: float
    checkpoint: Path | None = None
    upcoming: int | None = None


@dataclass(frozen=True)
class WantedBlock:
    """Scores that a run needs: those of one fit on one unit.

    Attributes:
        unit: position among the plan's units.
        condition: of the unit.
        images: of the unit.
        fit: position in the plan's fits.
        path: file of the store that holds the scores, or will.
    """

    unit: int
    condition: Condition
    images: int
    fit: int
    path: Path


def fit_tasks(context: TaskContext) -> list[Task]:
    """A task for each fit that the store lacks, or has damaged."""
    store = context.store
    return [
        Task("fit", (position,), None, 1.0, store.checkpoint(address.fit_id))
        for position, address in context.addresses.of.items()
        if store.read_fit(address.fit_id) is None
    ]


def wanted_blocks(plan: Plan, store: Store, fits: Sequence[tuple[int, Fit]]) -> list[WantedBlock]:
    """All scores that `fits`, with their positions in the plan, yield; unit by unit."""
    found = []
    for number, unit in enumerate(units(plan)):
        for position, fit in fits:
            address = block_address(plan, unit, fit)
            if address is not None:
                path = store.block(address)
                found.append(WantedBlock(number, unit.condition, len(unit.rows), position, path))
    return found


def score_tasks(blocks: Iterable[WantedBlock]) -> list[Task]:
    """A task for each unit that some of the blocks belong to."""
    by_unit: dict[int, list[WantedBlock]] = {}
    for block in blocks:
        by_unit.setdefault(block.unit, []).append(block)
    return [
        Task(
            stage=f"score, {own[0].condition}",
            fits=tuple(block.fit for block in own),
            unit=number,
            size=float(own[0].images),
        )
        for number, own in by_unit.items()
    ]


def evened_out(tasks: Sequence[Task], workers: int) -> list[Task]:
    """The tasks, the last ones in parts, so that all workers have something to do until the end.

    Of 13 tasks for two workers the last one would leave a worker idle. Its fits are shared out;
    each part corrupts the images again.

    Args:
        tasks: in the order in which they begin.
        workers: that do them at the same time.
    """
    whole = len(tasks) - len(tasks) % workers
    return [*tasks[:whole], *(part for task in tasks[whole:] for part in _parts(task, workers))]


def _parts(task: Task, count: int) -> list[Task]:
    """A task as at most so many tasks, each with a part of the fits."""
    count = min(count, len(task.fits))
    if count < 2:
        return [task]
    ends = [len(task.fits) * k // count for k in range(count + 1)]
    fits = [task.fits[begin:end] for begin, end in pairwise(ends)]
    return [replace(task, fits=own, size=task.size * len(own) / len(task.fits)) for own in fits]
