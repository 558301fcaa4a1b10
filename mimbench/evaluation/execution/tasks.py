"""The unit of work of a run that several processes share.

A task names its work by position in the plan, and its result goes to the run's store: with an
`Order`, any process that sees the run's folder can do it, in any order and more than once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mimbench.errors import MimbenchError
from mimbench.evaluation.fitting import Fit, address_id, fit_address
from mimbench.evaluation.planning.plan import Plan
from mimbench.evaluation.scoring import block_address, units
from mimbench.runfolder.store import Store

__all__ = ["Order", "Task", "fit_tasks", "score_tasks"]


@dataclass(frozen=True)
class Order:
    """What a process needs to know once, to do any task of a run.

    Attributes:
        plan: what the run computes; its dataset comes without pixels.
        pixels: file of the pixels (.npy), which processes map into memory instead of copying it.
        folder: of the run; results go to its store.
        device: where to compute.
        threads: of each process; scores are bit-identical for equal threads only.
    """

    plan: Plan
    pixels: Path
    folder: Path
    device: torch.device
    threads: int


@dataclass(frozen=True)
class Task:
    """One fit, or one condition on one shard of images for the fits that have not scored it.

    Attributes:
        stage: for failed rows: "fit", or "score" and the condition.
        fits: positions in the plan's fits.
        unit: position among the plan's units; None: the task is a fit.
        size: its part of the stage's progress.
        checkpoint: file that changes when the task gets further, if there is one.
    """

    stage: str
    fits: tuple[int, ...]
    unit: int | None
    size: float
    checkpoint: Path | None = None


def fit_tasks(plan: Plan, store: Store, device: torch.device) -> list[Task]:
    """A task for each fit that the store lacks."""
    tasks = []
    for position, spec in enumerate(plan.fits):
        try:
            fit_id = address_id(fit_address(plan, spec, device))
        except MimbenchError:
            continue  # whoever reads this fit meets the same error, and reports it
        if store.read_fit(fit_id) is None:
            tasks.append(Task("fit", (position,), None, 1.0, store.checkpoint(fit_id)))
    return tasks


def score_tasks(plan: Plan, store: Store, fits: Sequence[tuple[int, Fit]]) -> list[Task]:
    """A task for each unit that some of `fits` (with their positions) have not scored."""
    tasks = []
    for number, unit in enumerate(units(plan)):
        missing = []
        for position, fit in fits:
            address = block_address(plan, unit, fit)
            if address is not None and not store.block(address).is_file():
                missing.append(position)
        if missing:
            stage = f"score, {unit.condition}"
            tasks.append(Task(stage, tuple(missing), number, float(len(unit.rows))))
    return tasks
