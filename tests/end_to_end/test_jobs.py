"""Whatever happens to a worker process, the run loses nothing but what cannot be done.

The full version: `MIMBENCH_KILLS=100 pytest tests/end_to_end/test_jobs.py`.
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

import pandas as pd
import pytest
import torch
from misbehaving import MISBEHAVING

from mimbench.data.dataset import ImageOptions
from mimbench.errors import OutputError
from mimbench.evaluation.execution import worker_pool
from mimbench.evaluation.execution.worker_pool import Jobs
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import RunResult, execute
from mimbench.progress import Silent
from mimbench.scores.tables import RunTables, read_tables

KILLS = int(os.environ.get("MIMBENCH_KILLS", "12"))
RECIPE = """
extends = "mim"
input_size = 32
scores = ["l1", "residual"]
parameters = { width = 4, steps = 60, batch_size = 4 }
"""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def misbehaving(tmp_path: Path) -> Path:
    path = tmp_path / "misbehaving.py"
    path.write_text(f"# {path}\n{MISBEHAVING}")  # equal files are imported once
    return path


class Told(Silent):
    """Remembers what a run said."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def work(
    folders: dict[str, Path],
    out: Path,
    detectors: list[str],
    jobs: Jobs | None,
    told: Told | None = None,
    **options: int | tuple[str, ...],
) -> RunResult:
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    run = RunFile.model_validate({"detectors": detectors, "data": images, **options})
    return execute(make_plan(run), out, told or Told(), jobs=jobs)


def test_scores_are_bit_identical_for_any_number_of_processes_and_after_kills(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "mim.toml"
    recipe.write_text(RECIPE)
    detectors = [str(recipe), "histogram", "telea"]
    options = {"suites": ("quick",), "seeds": 2}
    work(folders, tmp_path / "alone", detectors, None, **options)
    alone = read_tables(tmp_path / "alone")
    for count in (1, 2):
        out = tmp_path / str(count)
        work(folders, out, detectors, Jobs(count), **options)
        same(alone, read_tables(out))

    monkeypatch.setattr(worker_pool, "TRIES", 10**9)
    killer = Killer(monkeypatch)
    out = tmp_path / "killed"
    while killer.count < KILLS:
        for number, path in enumerate(sorted(out.rglob("*.parquet"))):  # it got through
            if number % 2:
                path.unlink()
        with killer:
            result = work(folders, out, detectors, Jobs(2), **options)
        assert result.failures == ()
    same(alone, read_tables(out))
    assert not list(out.rglob("*.partial"))


def same(one: RunTables, other: RunTables) -> None:
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)
    columns = ["fit_id", "detector", "seed", "status", "state_hash"]
    pd.testing.assert_frame_equal(one.fits[columns], other.fits[columns])


class Killer:
    """Kills worker processes at random moments while it is entered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.alive: set[int] = set()
        self.random = random.Random(1)
        known = self.alive

        class Worker(worker_pool._Worker):
            def __init__(self, *arguments: object) -> None:
                super().__init__(*arguments)
                known.add(self.process.pid)

            def kill(self) -> str:
                known.discard(self.process.pid)
                return super().kill()

        monkeypatch.setattr(worker_pool, "_Worker", Worker)

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


def test_a_detector_that_hangs_dies_or_exhausts_the_memory_is_a_failed_row(
    folders: dict[str, Path], misbehaving: Path, tmp_path: Path
) -> None:
    names = ("HangsFitting", "HangsScoring", "OutOfMemory", "DiesFitting", "DiesScoringOnce")
    detectors = [f"{misbehaving}:{name}" for name in (*names, "Level")]
    told = Told()
    result = work(folders, tmp_path / "out", detectors, Jobs(2, timeout=5.0), told)
    reasons = {what.partition(",")[0]: reason for what, reason in result.failures}
    assert reasons == {
        "HangsFitting": "fit: timed out after 5 s",
        "HangsScoring": "score, clean: timed out after 5 s",
        "OutOfMemory": "fit: misbehaving.py, line 51: MemoryError: no memory for a tensor of 1 TB",
        "DiesFitting": "fit: its process was killed by SIGKILL 3 times; out of memory?",
    }
    again = "DiesScoringOnce, fold 0, score, clean: its process was killed by SIGKILL; it is done"
    assert any(message.startswith(again) for message in told.messages)
    tables = read_tables(tmp_path / "out")
    assert set(tables.scores["score"]) == {"DiesScoringOnce", "Level"}
    fits = tables.fits.set_index("detector")["status"]
    assert dict(fits) == {name: "failed" if name in reasons else "ok" for name in (*names, "Level")}


def test_a_fit_that_cannot_be_loaded_is_a_failed_row_in_every_rerun(
    folders: dict[str, Path], misbehaving: Path, tmp_path: Path
) -> None:
    detectors = [f"{misbehaving}:{name}" for name in ("HangsLoading", "DiesLoading", "Level")]
    for _ in range(2):
        result = work(folders, tmp_path / "out", detectors, Jobs(2, timeout=5.0))
        reasons = {what.partition(",")[0]: reason for what, reason in result.failures}
        assert reasons == {
            "HangsLoading": "fit: timed out after 5 s",
            "DiesLoading": "fit: its process ended with exit code 7 3 times",
        }
    assert len(list((tmp_path / "out" / "fits").glob("*.json"))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="workers are started otherwise there")
def test_a_run_survives_the_kill_of_the_process_that_starts_its_workers(
    folders: dict[str, Path], misbehaving: Path, tmp_path: Path
) -> None:
    server, killed = forkserver._forkserver, list[int]()

    def kill(when: Callable[[], bool]) -> None:
        until = time.monotonic() + 100
        while time.monotonic() < until and not (server._forkserver_pid not in killed and when()):
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
        patch.setattr(
            worker_pool._Worker, "__init__", announced(worker_pool._Worker.__init__, starting)
        )
        result = work(folders, tmp_path / "out", [f"{misbehaving}:Slow"], Jobs(1), told)
    thread.join()
    assert result.failures == ()
    assert len(killed) == 2
    assert any("process that starts workers has ended" in text for text in told.messages)
    assert any("was lost with the process that starts workers" in text for text in told.messages)
    first, *_ = sorted(misbehaving.parent.glob("slow-*"), key=lambda path: path.stat().st_mtime)
    assert not Path(f"/proc/{first.name.removeprefix('slow-')}").exists(), "it works on unseen"


def announced(start: Callable[..., None], event: threading.Event) -> Callable[..., None]:
    def started(*arguments: object) -> None:
        threading.Timer(0.3, event.set).start()
        start(*arguments)

    return started


@pytest.mark.parametrize("jobs", [None, Jobs(2)], ids=["alone", "two processes"])
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    folders: dict[str, Path],
    misbehaving: Path,
    tmp_path: Path,
    jobs: Jobs | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "fsync", os.fsync)  # the plug-in replaces it
    detectors = [f"{misbehaving}:Level", f"{misbehaving}:DiskFull"]
    out = tmp_path / "out"
    with pytest.raises(OutputError, match=r"No space left for .*out.*command"):
        work(folders, out, detectors, jobs)
    monkeypatch.undo()
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert not list(out.rglob("*.partial"))
    (tmp_path / "room").touch()
    assert work(folders, out, detectors, jobs).failures == ()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert set(read_tables(out).scores["score"]) == {"Level", "DiskFull"}
