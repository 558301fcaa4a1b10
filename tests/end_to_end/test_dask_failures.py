"""A Dask cluster whose scheduler dies or whose workers join late or die, and a stopped run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask.config
import pytest
from dask_here import dask_workers
from executors import Folders, Told, reasons, work
from misbehaving import MISBEHAVING

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.dask_cluster.cluster import DaskCluster
from mimbench.evaluation.execution.dask_cluster.executor import DaskExecutor
from mimbench.evaluation.execution.executor import threads_set_to
from mimbench.scores.reading import read_tables

LONG = 600  # seconds; a loaded machine imports slowly
LOST = "distributed.deploy.lost-worker-timeout"  # after that Dask restarts no worker


@pytest.fixture
def plug_in(tmp_path: Path) -> Path:
    """A plug-in of detectors that misbehave."""
    path = tmp_path / "misbehaving.py"
    path.write_text(f"# {path}\n{MISBEHAVING}")  # equal files are imported once
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of the scheduler of a Dask worker on this machine, which is started again when it dies."""
    with dask.config.set({LOST: f"{LONG} s"}), dask_workers(1) as found:
        yield found


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def dask_process(*command: str) -> subprocess.Popen[bytes]:
    """A process of Dask, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *command, "--no-dashboard"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class Bounded(Told):
    """Ends a run that tells nothing new for too long."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.until = (0.0, ""), time.monotonic() + LONG

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        if (done, note) != self.last:
            self.last, self.until = (done, note), time.monotonic() + LONG
        assert time.monotonic() < self.until, f"{note}, for {LONG} s; told: {self.messages}"


class OnMessage(Told):
    """Does something at a message."""

    def __init__(self, part: str, action: Callable[[], None]) -> None:
        super().__init__()
        self.part, self.action = part, action

    def message(self, text: str) -> None:
        super().message(text)
        if self.part in text:
            self.action()


def test_a_late_worker_is_used_and_a_scheduler_that_dies_ends_the_run_which_can_continue(
    folders: Folders, plug_in: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    detectors, out = [f"{plug_in}:Level", f"{plug_in}:Slow"], tmp_path / "out"
    place, processes = tmp_path / "scheduler.json", list[subprocess.Popen[bytes]]()

    def join() -> None:
        options = ("--nthreads", "1", "--local-directory", str(tmp_path / "dask"))
        processes.append(dask_process("worker", address, *options))

    def kills() -> None:
        wait_for(lambda: any(tmp_path.glob("slow-*")))
        processes[0].kill()

    try:
        processes.append(dask_process("scheduler", "--port", "0", "--scheduler-file", str(place)))
        wait_for(place.exists)
        address = json.loads(place.read_text())["address"]
        told = OnMessage("no worker now", join)
        killer = threading.Thread(target=kills)
        killer.start()
        with (
            pytest.raises(MimbenchError, match=rf"{address} is gone.*kept.*repeat the command"),
            DaskCluster(address) as cluster,
        ):
            work(folders, out, detectors, cluster, told)
        assert not any("repeated" in text for text in told.messages), "the error says it all"
        assert not caplog.records, "Dask logs nothing beside it"
        killer.join()
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert not list(out.rglob("*.partial"))
    (kept,) = out.glob("fits/*.safetensors")
    before = kept.stat().st_mtime_ns
    with threads_set_to(1):
        assert work(folders, out, detectors, None).failures == ()
    assert kept.stat().st_mtime_ns == before
    assert set(read_tables(out).scores["score"]) == {"Level", "Slow"}


def test_three_dask_workers_that_die_of_a_detector_make_a_failed_row(
    address: str, folders: Folders, plug_in: Path, tmp_path: Path
) -> None:
    told, names = Bounded(), ("KillsItsWorker", "Level")
    with DaskCluster(address) as cluster:
        result = work(folders, tmp_path, [f"{plug_in}:{name}" for name in names], cluster, told)
    assert reasons(result) == {
        "KillsItsWorker": "fit: its Dask worker died or was stopped 3 times; out of memory?"
    }
    assert sum("it is repeated" in text for text in told.messages) == 2
    assert set(read_tables(tmp_path).scores["score"]) == {"Level"}


def test_a_worker_started_here_is_started_again_however_long_that_takes() -> None:
    with dask.config.set({LOST: "1 ms"}), DaskCluster("local:1") as cluster:
        before = cluster.workers()
        (process,) = cluster.client.run(os.getpid).values()
        os.kill(process, signal.SIGKILL)
        wait_for(lambda: cluster.workers() not in (before, []))


def test_a_worker_hears_that_a_task_is_withdrawn_and_that_its_imports_may_begin(
    address: str,
) -> None:
    def withdrawn(name: str, dask_worker: Any) -> set[str]:
        """Keys of the tasks; the first call adds a run without any."""
        run = dask_worker.plugins.setdefault(name, SimpleNamespace(withdrawn=set()))
        return set(run.withdrawn)

    def warm() -> bool:
        from multiprocessing import forkserver

        preloaded: list[str] = forkserver._forkserver._preload_modules  # type: ignore[attr-defined]
        return "mimbench.evaluation.execution.worker" in preloaded

    nothing: Any = None
    with DaskCluster(address) as cluster:
        executor = DaskExecutor(nothing, cluster)
        ask = lambda what, *about: list(cluster.client.run(what, *about).values())  # noqa: E731
        assert ask(withdrawn, executor.name) == [set()]
        executor.withdraw(cluster.client.submit(int), "a key")
        wait_for(lambda: ask(withdrawn, executor.name) == [{"a key"}])
        cluster.prepare()
        wait_for(lambda: ask(warm) == [True])


def test_a_run_that_is_interrupted_leaves_nothing_running_on_the_cluster(
    address: str, folders: Folders, plug_in: Path, tmp_path: Path
) -> None:
    class Interrupts(Told):
        def update(self, done: float, note: str = "", left: float | None = None) -> None:
            if any(tmp_path.glob("hangs-*")):
                raise KeyboardInterrupt

    out = tmp_path / "out"
    detectors = [f"{plug_in}:HangsFitting", f"{plug_in}:Level"]
    with pytest.raises(KeyboardInterrupt), DaskCluster(address) as cluster:
        work(folders, out, detectors, cluster, Interrupts())
    (path,) = tmp_path.glob("hangs-*")
    wait_for(lambda: gone(int(path.name.removeprefix("hangs-"))))
    assert not list(out.rglob("*.partial"))
    with DaskCluster(address) as cluster:
        assert work(folders, out, detectors[1:], cluster).failures == ()
