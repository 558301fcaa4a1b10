"""Do a task in this process, whichever that is, and say how it goes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mimbench.errors import OutputError
from mimbench.evaluation.execution.failure import reason_of
from mimbench.evaluation.execution.prefetch import Prefetcher
from mimbench.evaluation.execution.tasks import Task, TaskContext
from mimbench.evaluation.fitting import Fit, fit_or_load, load_fit
from mimbench.evaluation.scoring import Shard, score_unit, units

__all__ = ["Advanced", "Begun", "Failed", "KeptFits", "Performer", "TaskEvent"]

TELL_EVERY = 0.2  # seconds between two notes on progress


@dataclass(frozen=True)
class Begun:
    """The task is at this fit from now on; None: at what all its fits share."""

    fit: int | None


@dataclass(frozen=True)
class Advanced:
    """`share` of the task is done; `note` says what is being worked on."""

    share: float
    note: str


@dataclass(frozen=True)
class Failed:
    """This fit of the task failed."""

    fit: int
    reason: str


TaskEvent = Begun | Advanced | Failed


class KeptFits:
    """Fitted detectors in memory, by position in the plan."""

    def __init__(self, context: TaskContext, limit: float = float("inf")) -> None:
        """Nothing is loaded yet.

        Args:
            context: of the run.
            limit: bytes of fitted states to keep; what exceeds it is loaded anew when needed.
        """
        self.context, self.limit = context, limit
        self.store = context.store
        self.kept: dict[int, Fit] = {}
        self.bytes = 0

    def read(self, position: int) -> Fit | None:
        """A fit as the store has it; None if it is absent or damaged."""
        if position in self.kept:
            return self.kept[position]
        context = self.context
        fit = load_fit(context.plan, position, context.addresses, self.store, context.device)
        return None if fit is None else self._keep(position, fit)

    def get(self, position: int, progress: Callable[[int, int, str], None]) -> Fit:
        """A fit from the store, or made now."""
        if position in self.kept:
            return self.kept[position]
        context = self.context
        fit = fit_or_load(
            context.plan, position, context.addresses, self.store, context.device, progress
        )
        return self._keep(position, fit)

    def _keep(self, position: int, fit: Fit) -> Fit:
        size = self.store.fit_bytes(fit.fit_id)
        if self.bytes + size <= self.limit:
            self.kept[position] = fit
            self.bytes += size
        return fit


class Performer:
    """Does tasks of a run, one after another."""

    def __init__(
        self, context: TaskContext, fits: KeptFits, tell: Callable[[TaskEvent], None]
    ) -> None:
        """Nothing is computed yet.

        Args:
            context: of the run; its plan has the images' pixels.
            fits: that are in memory already, and will be.
            tell: is told of each event.
        """
        self.context, self.fits, self.tell = context, fits, tell
        self.units = list(units(context.plan))
        self.shards = Prefetcher(lambda unit: Shard(context.plan, self.units[unit]), context.device)
        self.store = context.store
        self.told = 0.0

    def perform(self, task: Task) -> None:
        """Do a task; what it yields is in the store afterwards, but for fits that failed.

        Raises:
            OutputError: nobody can go on, for instance because the disk is full.
        """
        if task.unit is None:
            self._fit(task.fits[0])
        else:
            self._score(task, self.shards.take(task.unit))

    def _fit(self, position: int) -> None:
        self.tell(Begun(position))
        try:
            self.fits.get(position, self._training)
        except OutputError:
            raise
        except Exception as error:
            self._fail(position, error)

    def _score(self, task: Task, shard: Shard) -> None:
        self.tell(Begun(None))
        try:
            shard.batch(self.context.plan.canonical_size)
        except OutputError:
            raise
        except Exception as error:  # of a corruption
            for position in task.fits:
                self._fail(position, error)
            return
        recipes = [self.context.plan.fits[position].recipe for position in task.fits]
        sizes = {self.context.plan.input_size(recipe) for recipe in recipes}
        self.shards.begin(task.upcoming, sizes)
        at: list[int] = []
        fits = self._fits(task, at)
        for _, problem in score_unit(shard, fits, self.store, self.context.device):
            self._fail(at[-1], problem)

    def _fits(self, task: Task, at: list[int]) -> Iterator[Fit]:
        """The task's fits, one after another; the position of the current one is last in `at`."""
        for done, position in enumerate(task.fits):
            at.append(position)
            self._advance(done / len(task.fits), "")
            self.tell(Begun(position))
            try:
                fit = self.fits.get(position, self._training)
            except OutputError:
                raise
            except Exception as error:
                self._fail(position, error)
            else:
                yield fit

    def _fail(self, position: int, error: Exception) -> None:
        self.tell(Failed(position, reason_of(self.context.plan.fits[position], error)))

    def _training(self, done: int, total: int, note: str) -> None:
        self._advance(done / max(total, 1), f"step {done}/{total}, {note}")

    def _advance(self, share: float, note: str) -> None:
        if time.monotonic() - self.told > TELL_EVERY:
            self.told = time.monotonic()
            self.tell(Advanced(share, note))
