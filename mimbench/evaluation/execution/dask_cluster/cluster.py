"""A running Dask cluster, or one started here, as what a run computes on."""

import contextlib
import logging
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Self

import torch

from mimbench.errors import MimbenchError

try:
    import dask.config
    import distributed
    from distributed.utils import json_load_robust
except ImportError as error:
    raise MimbenchError("--dask needs an extra: pip install 'mimbench[dask]'.") from error

from mimbench.evaluation.execution.dask_cluster.worker import warm_up_there
from mimbench.evaluation.execution.performing import KeptFits
from mimbench.evaluation.execution.tasks import TaskContext

if TYPE_CHECKING:
    from mimbench.evaluation.execution.dask_cluster.executor import DaskExecutor

__all__ = ["LOST", "DaskCluster", "Worker"]

LOST = (OSError, TimeoutError, ValueError, RuntimeError)  # what a broken connection raises

LOGGERS = ("distributed", "distributed.client")  # those that Dask gives a level
PATIENCE = 15  # seconds in which a scheduler must answer
LOCAL = {
    # the profile of every worker, a hundred times a second, is not looked at
    "distributed.worker.profile.enabled": False,
    # a worker that needs longer than that to restart would never be started again
    "distributed.deploy.lost-worker-timeout": "1000 days",
}


@dataclass(frozen=True)
class Worker:
    """A Dask worker.

    Attributes:
        address: of it.
        slots: tasks that it does at once.
        gpus: that it declares.
    """

    address: str
    slots: int
    gpus: int


class DaskCluster:
    """The workers of a Dask scheduler; use it in `with`.

    Attributes:
        where: address of the scheduler, its scheduler file (.json), or local:N for N workers that
            are started here.
        timeout: seconds that a fit, and the scores of one fit on one unit, may take; None: any.
        transfer: send images and results through the scheduler: no folder is shared.
        planned: only say what would compute: workers of this machine are not started.
        gone: whether the scheduler died.
    """

    apart = True

    def __init__(
        self,
        where: str,
        timeout: float | None = None,
        *,
        transfer: bool = False,
        planned: bool = False,
    ) -> None:
        """Nothing is connected yet.

        Raises:
            MimbenchError: a timeout that is not positive, or no such kind of address.
        """
        if timeout is not None and not timeout > 0:
            raise MimbenchError(f"--timeout must be more than 0 seconds, not {timeout:g}.")
        local = re.fullmatch(r"local:([1-9]\d{0,2})", where)
        if not where:
            raise MimbenchError("--dask is empty: give a scheduler's address or file, or local:4.")
        if where.startswith("local") and local is None:
            raise MimbenchError(f"--dask {where}: write local:N with N workers, such as local:4.")
        self.where, self.timeout, self.transfer, self.planned = where, timeout, transfer, planned
        self.local = int(local[1]) if local else 0
        self.gone = False
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Connect, and start what computes on this machine.

        Raises:
            MimbenchError: nobody answers there.
        """
        if self.local and self.planned:
            return self
        # what Dask logs of lost connections is told by the run in a sentence
        for logger in map(logging.getLogger, LOGGERS):
            self._open.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        try:
            self.client = self._open.enter_context(self._connect())
        except (OSError, ValueError, ImportError) as error:
            self._open.close()
            raise MimbenchError(
                f"No Dask scheduler answers at {self.where} within {PATIENCE} s. Start one with: "
                "dask scheduler; it prints its address."
            ) from error
        return self

    def __exit__(self, *raised: object) -> None:
        """Disconnect, and end what was started here."""
        self._open.close()

    def _connect(self) -> Any:
        if self.where.endswith(".json"):
            self.where = _address_in(self.where)
        if not self.local:
            return distributed.Client(self.where, timeout=PATIENCE, set_as_default=False)
        self._open.enter_context(dask.config.set(LOCAL))
        with _deaf_to_ctrl_c():
            cluster = self._open.enter_context(
                distributed.LocalCluster(
                    n_workers=self.local,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=None,
                    # its server starts all the same; any port, so that clusters do not meet
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                )
            )
        return distributed.Client(cluster, timeout=PATIENCE, set_as_default=False)

    def workers(self) -> list[Worker]:
        """The workers of this moment.

        Raises:
            MimbenchError: the scheduler is gone.
        """
        if self.local and self.planned:
            return [Worker("here", 1, 0)] * self.local
        if self.client.status != "running":
            raise self.lost()
        try:
            # not `scheduler_info`: what it returns may be replaced by a list without workers
            found = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
        except LOST as error:
            raise self.lost() from error
        return [
            Worker(address, int(about["nthreads"]), int(about["resources"].get("GPU", 0)))
            for address, about in found.items()
            if about.get("status", "running") == "running"
        ]

    def lost(self) -> MimbenchError:
        """What to raise when the scheduler is gone; nothing is asked of it any more."""
        self.gone = True
        return MimbenchError(
            f"The Dask scheduler at {self.where} is gone. What was computed is kept: start a "
            "scheduler and repeat the command to continue."
        )

    @property
    def count(self) -> int:
        """Tasks that the workers of this moment do at once."""
        return max(1, sum(worker.slots for worker in self.workers()))

    @property
    def threads(self) -> int:
        """Threads of each process: those that --jobs would give, on other machines one.

        There OMP_NUM_THREADS says so, if it is set here: scores must not depend on which machine
        has how many processors.
        """
        if self.local:
            return max(1, torch.get_num_threads() // self.local)
        return torch.get_num_threads() if "OMP_NUM_THREADS" in os.environ else 1

    def device(self, name: str) -> torch.device:
        """The kind of device that workers use: this machine needs none.

        Raises:
            MimbenchError: a certain GPU, which every worker would choose; or no worker has one.
        """
        gpus = [worker for worker in self.workers() if worker.gpus]
        if name == "auto":
            return torch.device("cuda" if gpus else "cpu")
        if name not in ("cpu", "cuda"):
            raise MimbenchError(
                f"--device {name} with --dask: say cpu, cuda or auto. Which GPU a worker uses is "
                "decided where it is started, for instance by CUDA_VISIBLE_DEVICES=2 dask worker."
            )
        if name == "cuda" and self.workers() and not gpus:
            raise MimbenchError(
                f"No worker of {self.where} declares a GPU; start workers with --resources GPU=1."
            )
        return torch.device(name)

    def prepare(self) -> None:
        """Let the imports of the workers begin."""
        with contextlib.suppress(*LOST):  # what a worker lacks is told when it gets the run
            self.client.run(warm_up_there, wait=False, on_error="ignore")

    def executor(self, context: TaskContext, fits: KeptFits) -> "DaskExecutor":
        """The executor of a run; each worker process keeps fits of its own."""
        from mimbench.evaluation.execution.dask_cluster.executor import DaskExecutor

        return DaskExecutor(context, self)


def _address_in(path: str) -> str:
    """The address that a scheduler writes to its scheduler file, soon after it has started.

    Raises:
        MimbenchError: there is no such file.
    """
    try:
        found: str = json_load_robust(path, timeout=PATIENCE)["address"]
    except (OSError, TypeError, KeyError) as error:
        raise MimbenchError(
            f"No Dask scheduler has written its address to {path} within {PATIENCE} s. Start one "
            f"with: dask scheduler --scheduler-file {path}"
        ) from error
    return found


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let threads and processes that start meanwhile leave Ctrl-C to this one, which ends them.

    A Ctrl-C that comes meanwhile is noticed at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would end the deafness
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
