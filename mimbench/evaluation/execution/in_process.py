"""Do the tasks of a run in this process, one after another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from mimbench.evaluation.execution.environment import pick_device
from mimbench.evaluation.execution.executor import Executor, Failures
from mimbench.evaluation.execution.performing import (
    Advanced,
    Begun,
    Failed,
    KeptFits,
    Performer,
    TaskEvent,
)
from mimbench.evaluation.execution.tasks import Task, TaskContext
from mimbench.progress import Progress

__all__ = ["InProcess", "InProcessExecutor"]


@dataclass(frozen=True)
class InProcess:
    """This process computes everything."""

    count: int = 1
    apart: bool = False

    @property
    def threads(self) -> int:
        """Those that torch has."""
        return torch.get_num_threads()

    def device(self, name: str) -> torch.device:
        """The first of the devices called `name`."""
        return pick_device(name)

    def prepare(self) -> None:
        """Nothing takes long to start."""

    def executor(self, context: TaskContext, fits: KeptFits) -> "InProcessExecutor":
        """The executor of a run; it shares this process's fits."""
        return InProcessExecutor(context, fits)


class InProcessExecutor(Executor):
    """Does tasks here: a detector that hangs or dies takes the run with it."""

    def __init__(self, context: TaskContext, fits: KeptFits) -> None:
        """Nothing happens before `perform`."""
        self.plan = context.plan
        self.performer = Performer(context, fits, self._on_event)

    @property
    def where(self) -> str:
        """Nothing to say: here."""
        return ""

    def perform(self, tasks: Sequence[Task], progress: Progress) -> dict[int, str]:
        """Do all tasks; see `Executor`."""
        self.failures, self.progress, self.done = Failures(self.plan, progress), progress, 0.0
        for task, upcoming in zip(tasks, [*(later.unit for later in tasks[1:]), None], strict=True):
            fits = self.failures.left_of(task)
            self.task, self.name = task, task.stage
            if fits:
                self.performer.perform(replace(task, fits=fits, upcoming=upcoming))
            self.done += task.size
        progress.update(self.done)
        return self.failures.reasons

    def _on_event(self, event: TaskEvent) -> None:
        match event:
            case Begun(fit):
                own = self.task.stage
                self.name = own if fit is None else f"{self.plan.fits[fit]}, {own}"
                self.progress.update(self.done, self.name)
            case Advanced(share, note):
                name = f"{self.name}: {note}" if note else self.name
                self.progress.update(self.done + share * self.task.size, name)
            case Failed(fit, reason):
                self.failures.add(self.task, fit, reason)
