"""Tests that every executor of runs passes.

A further one inherits them: `class TestMine(ApartConformance)` with the fixture `backend`, or
`ExecutorConformance` if it computes in the process that runs the tests.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
from misbehaving import MISBEHAVING

from mimbench.data.dataset import ImageOptions
from mimbench.errors import OutputError
from mimbench.evaluation.execution.executor import Backend
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import RunResult, execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

RECIPE = """
extends = "mim"
input_size = 32
scores = ["l1", "residual"]
parameters = { width = 4, steps = 40, batch_size = 4 }
"""
OPTIONS = {"suites": ("quick",), "seeds": 2}
TIMEOUT = 5.0  # seconds that a fit may take where a test waits for one that hangs

Folders = dict[str, Path]


class Told(Silent):
    """Remembers what a run said."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def work(
    folders: Folders,
    out: Path,
    detectors: list[str],
    jobs: Backend | None,
    told: Told | None = None,
    **options: int | tuple[str, ...],
) -> RunResult:
    """A run of these detectors on the small images."""
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    run = RunFile.model_validate({"detectors": detectors, "data": images, **options})
    return execute(make_plan(run), out, told or Told(), jobs=jobs)


def reasons(result: RunResult) -> dict[str, str]:
    """Why detectors failed, by name."""
    return {what.partition(",")[0]: reason for what, reason in result.failures}


def same(one: RunTables, other: RunTables) -> None:
    """Assert that two runs have the same numbers, bit by bit."""
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)
    columns = ["fit_id", "detector", "seed", "status", "state_hash"]
    pd.testing.assert_frame_equal(one.fits[columns], other.fits[columns])


def trained(folder: Path) -> list[str]:
    """Detectors of a run that trains."""
    recipe = folder / "mim.toml"
    recipe.write_text(RECIPE)
    return [str(recipe), "histogram", "harmonic"]


@cache
def reference(data: Path, folder: Path) -> RunTables:
    """The tables of that run as one process makes them."""
    folder.mkdir()
    work({"data": data}, folder / "run", trained(folder), None, **OPTIONS)
    return read_tables(folder / "run")


class ExecutorConformance:
    """What every executor does; a subclass has the fixture `backend`."""

    @pytest.fixture
    def backend(self) -> Backend:
        """How a run asks for the executor; its processes have one thread each."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    @pytest.fixture
    def misbehaving(self, tmp_path: Path) -> Path:
        """A plug-in of detectors that misbehave."""
        path = tmp_path / "misbehaving.py"
        path.write_text(f"# {path}\n{MISBEHAVING}")  # equal files are imported once
        return path

    def test_tables_are_bit_identical_to_those_of_one_process_also_after_a_loss(
        self,
        backend: Backend,
        folders: Folders,
        tmp_path: Path,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        expected = reference(folders["data"], tmp_path_factory.getbasetemp() / "reference")
        out, detectors = tmp_path / "out", trained(tmp_path)
        assert work(folders, out, detectors, backend, **OPTIONS).failures == ()
        same(expected, read_tables(out))
        next(out.glob("fits/*.json")).unlink()
        for number, path in enumerate(sorted(out.glob("blocks/*/*.parquet"))):
            if number % 3 == 0:
                path.unlink()
            elif number % 3 == 1:
                path.write_bytes(path.read_bytes()[:-9])
        assert work(folders, out, detectors, backend, **OPTIONS).failures == ()
        same(expected, read_tables(out))
        assert not list(out.rglob("*.partial"))

    def test_a_task_that_raises_or_yields_no_scores_is_a_failed_row_beside_the_others(
        self, backend: Backend, folders: Folders, misbehaving: Path, tmp_path: Path
    ) -> None:
        names = ("OutOfMemory", "NotFinite", "WrongShape", "Level")
        told = Told()
        detectors = [f"{misbehaving}:{name}" for name in names]
        result = work(folders, tmp_path / "out", detectors, backend, told)
        found = reasons(result)
        assert list(found) == ["OutOfMemory", "NotFinite", "WrongShape"]
        assert "fit: misbehaving.py, line " in found["OutOfMemory"]
        assert "MemoryError: no memory for a tensor of 1 TB" in found["OutOfMemory"]
        assert "score, clean: " in found["NotFinite"]
        assert "not finite on 32 of 32 images" in found["NotFinite"]
        assert "has shape (2,) for 32 images" in found["WrongShape"]
        assert sum("failed." in text for text in told.messages) == 3, "each is told once"
        tables = read_tables(tmp_path / "out")
        assert set(tables.scores["score"]) == {"Level"}
        fits = tables.fits.set_index("detector")["status"]
        assert dict(fits) == {name: "failed" if name in found else "ok" for name in names}

    def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
        self,
        backend: Backend,
        folders: Folders,
        misbehaving: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(os, "fsync", os.fsync)  # the plug-in replaces it
        detectors = [f"{misbehaving}:Level", f"{misbehaving}:DiskFull"]
        out = tmp_path / "out"
        full = r"No space left for .*(out|dask-scratch-space).*command"
        with pytest.raises(OutputError, match=full):
            work(folders, out, detectors, backend)
        monkeypatch.undo()
        kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
        assert not list(out.rglob("*.partial"))
        (tmp_path / "room").touch()
        assert work(folders, out, detectors, backend).failures == ()
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
        assert set(read_tables(out).scores["score"]) == {"Level", "DiskFull"}


class ApartConformance(ExecutorConformance):
    """What an executor does besides whose processes may hang or die; `hasty` stops what hangs."""

    @pytest.fixture
    def hasty(self) -> Backend:
        """The same backend; a fit, or its scores on one unit, may take `TIMEOUT` seconds."""
        raise NotImplementedError

    def test_a_detector_that_hangs_or_dies_is_a_failed_row(
        self, hasty: Backend, folders: Folders, misbehaving: Path, tmp_path: Path
    ) -> None:
        names = ("HangsFitting", "HangsScoring", "DiesFitting", "DiesScoringOnce", "Level")
        told = Told()
        detectors = [f"{misbehaving}:{name}" for name in names]
        found = reasons(work(folders, tmp_path / "out", detectors, hasty, told))
        assert found == {
            "HangsFitting": "fit: timed out after 5 s",
            "HangsScoring": "score, clean: timed out after 5 s",
            "DiesFitting": "fit: its process was killed by SIGKILL 3 times; out of memory?",
        }
        repeated = "DiesScoringOnce, fold 0, score, clean: its process was killed by SIGKILL; "
        assert any(message.startswith(repeated) for message in told.messages)
        tables = read_tables(tmp_path / "out")
        assert set(tables.scores["score"]) == {"DiesScoringOnce", "Level"}
        fits = tables.fits.set_index("detector")["status"]
        assert dict(fits) == {name: "failed" if name in found else "ok" for name in names}

    def test_a_fit_that_cannot_be_loaded_is_a_failed_row_in_every_rerun(
        self, hasty: Backend, folders: Folders, misbehaving: Path, tmp_path: Path
    ) -> None:
        detectors = [f"{misbehaving}:{name}" for name in ("HangsLoading", "DiesLoading", "Level")]
        for _ in range(2):
            assert reasons(work(folders, tmp_path / "out", detectors, hasty)) == {
                "HangsLoading": "fit: timed out after 5 s",
                "DiesLoading": "fit: its process ended with exit code 7 3 times",
            }
        assert len(list((tmp_path / "out" / "fits").glob("*.json"))) == 1
