"""Whatever executes a run, and whatever happens to it, nothing is lost but what cannot be done.

The full version: `MIMBENCH_KILLS=100 pytest tests/end_to_end/test_executors.py`.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest
from dask_here import dask_workers
from executors import (
    OPTIONS,
    TIMEOUT,
    ApartConformance,
    ExecutorConformance,
    Folders,
    Told,
    reference,
    same,
    trained,
    work,
)

from mimbench.evaluation.execution import worker_pool
from mimbench.evaluation.execution.dask_cluster.cluster import DaskCluster
from mimbench.evaluation.execution.in_process import InProcess
from mimbench.evaluation.execution.worker_pool import Jobs, WorkerPool
from mimbench.evaluation.execution.worker_process import WorkerProcess
from mimbench.scores.reading import read_tables

KILLS = int(os.environ.get("MIMBENCH_KILLS", "12"))


class TestInProcess(ExecutorConformance):
    @pytest.fixture
    def backend(self) -> InProcess:
        return InProcess()


class TestWorkerPool(ApartConformance):
    @pytest.fixture
    def backend(self) -> Jobs:
        return Jobs(1)  # the other tests have two workers

    @pytest.fixture
    def hasty(self) -> Jobs:
        return Jobs(2, timeout=TIMEOUT)

    def test_killed_workers_change_no_number(
        self,
        folders: Folders,
        tmp_path: Path,
        tmp_path_factory: pytest.TempPathFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        expected = reference(folders["data"], tmp_path_factory.getbasetemp() / "reference")
        detectors, out = trained(tmp_path), tmp_path / "killed"
        monkeypatch.setattr(WorkerPool, "tries", 10**9)
        killer = Killer(monkeypatch)
        while killer.count < KILLS:
            for number, path in enumerate(sorted(out.rglob("*.parquet"))):  # it got through
                if number % 2:
                    path.unlink()
            with killer:
                result = work(folders, out, detectors, Jobs(2), **OPTIONS)
            assert result.failures == ()
        same(expected, read_tables(out))
        assert not list(out.rglob("*.partial"))

    @pytest.mark.skipif(sys.platform != "linux", reason="workers are started otherwise there")
    def test_a_run_survives_the_kill_of_the_process_that_starts_its_workers(
        self, folders: Folders, misbehaving: Path, tmp_path: Path
    ) -> None:
        server, killed = forkserver._forkserver, list[int]()

        def kill(when: Callable[[], bool]) -> None:
            until = time.monotonic() + 100
            while time.monotonic() < until:
                if server._forkserver_pid not in killed and when():
                    break
                time.sleep(0.05)
            killed.append(server._forkserver_pid)
            os.kill(killed[-1], signal.SIGKILL)

        def kills() -> None:
            kill(starting.is_set)  # while a worker waits for it
            kill(lambda: any(misbehaving.parent.glob("slow-*")))  # while a worker is at work

        starting = threading.Event()
        told = Told()
        # a server that has to import everything first, which takes seconds
        server._stop()
        thread = threading.Thread(target=kills)
        thread.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(WorkerProcess, "__init__", announced(WorkerProcess.__init__, starting))
            result = work(folders, tmp_path / "out", [f"{misbehaving}:Slow"], Jobs(1), told)
        thread.join()
        assert result.failures == ()
        assert len(killed) == 2
        assert any("process that starts workers has ended" in text for text in told.messages)
        assert any(
            "was lost with the process that starts workers" in text for text in told.messages
        )
        first, *_ = sorted(misbehaving.parent.glob("slow-*"), key=lambda path: path.stat().st_mtime)
        assert not Path(f"/proc/{first.name.removeprefix('slow-')}").exists(), "it works on unseen"


class Killer:
    """Kills worker processes at random moments while it is entered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.alive: set[int] = set()
        self.random = random.Random(1)
        known = self.alive

        class Worker(WorkerProcess):
            def __init__(self, *arguments: object) -> None:
                super().__init__(*arguments)
                known.add(self.process.pid)

            def terminate(self) -> str:
                known.discard(self.process.pid)
                return super().terminate()

        monkeypatch.setattr(worker_pool, "WorkerProcess", Worker)

    def __enter__(self) -> None:
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()

    def work(self) -> None:
        while not self.over.wait(self.random.uniform(0.1, 0.8)) and self.count < KILLS:
            if self.alive:
                process = self.random.choice(sorted(self.alive))
                self.alive.discard(process)
                os.kill(process, 9)
                self.count += 1


def announced(start: Callable[..., None], event: threading.Event) -> Callable[..., None]:
    def started(*arguments: object) -> None:
        threading.Timer(0.3, event.set).start()
        start(*arguments)

    return started


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of the scheduler of two Dask workers on this machine."""
    with dask_workers(2) as found:
        yield found


class TestDask(ApartConformance):
    """Two Dask workers on this machine, in the run's folder."""

    @pytest.fixture
    def backend(self, address: str) -> Iterator[DaskCluster]:
        with DaskCluster(address) as cluster:
            yield cluster

    @pytest.fixture
    def hasty(self, address: str) -> Iterator[DaskCluster]:
        with DaskCluster(address, TIMEOUT) as cluster:
            yield cluster


class TestDaskWithoutASharedFolder(ExecutorConformance):
    """The same workers, with all that they read and write sent through the scheduler."""

    @pytest.fixture
    def backend(self, address: str) -> Iterator[DaskCluster]:
        with DaskCluster(address, transfer=True) as cluster:
            yield cluster
