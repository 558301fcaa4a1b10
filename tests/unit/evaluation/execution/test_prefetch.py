"""The next unit's images are made while this one's are scored, with the same bits."""

import threading
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from executors import reasons, same, trained, work

from mimbench.corruptions.definition import Corruption
from mimbench.evaluation import scoring
from mimbench.evaluation.execution import performing, prefetch
from mimbench.evaluation.execution.executor import Failures
from mimbench.evaluation.execution.scheduler import Scheduler
from mimbench.evaluation.execution.tasks import Task
from mimbench.evaluation.execution.worker_pool import Jobs
from mimbench.evaluation.planning.plan import Condition, Plan
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables

Folders = dict[str, Path]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if another device scored."""
    monkeypatch.setattr(prefetch, "pays", lambda device: True)


def test_images_are_made_ahead_for_a_device_beside_the_processors_alone() -> None:
    assert not prefetch.pays(torch.device("cpu"))
    assert prefetch.pays(torch.device("cuda"))


def test_scores_are_the_same_bit_by_bit_and_two_shards_are_in_memory_at_most(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detectors = [trained(tmp_path)[0], "histogram"]
    work(folders, tmp_path / "plain", detectors, None, suites=("quick",))
    made: list[tuple[str, str]] = []
    alive: weakref.WeakSet[scoring.Shard] = weakref.WeakSet()
    most = 0
    original = scoring.corrupted

    class Counted(scoring.Shard):
        def __init__(self, plan: Plan, unit: scoring.Unit) -> None:
            nonlocal most
            super().__init__(plan, unit)
            alive.add(self)
            most = max(most, len(alive))

    def corrupted(plan: Plan, condition: Condition, rows: scoring.Rows) -> object:
        made.append((str(condition), threading.current_thread().name))
        return original(plan, condition, rows)

    monkeypatch.setattr(prefetch, "pays", lambda device: True)
    monkeypatch.setattr(performing, "Shard", Counted)
    monkeypatch.setattr(scoring, "corrupted", corrupted)
    work(folders, tmp_path / "ahead", detectors, None, suites=("quick",))
    same(read_tables(tmp_path / "plain"), read_tables(tmp_path / "ahead"))
    threads = [name.partition("_")[0] for _, name in made]
    assert threads == ["MainThread"] + ["prefetch"] * (len(made) - 1), "first nobody scores yet"
    assert len({condition for condition, _ in made}) == len(made) > 2, "each is made once"
    assert most == 2


@pytest.mark.usefixtures("always")
def test_a_corruption_that_fails_ahead_is_the_failed_row_that_it_always_is(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Corruption.apply

    def apply(self: Corruption, *arguments: object, **options: object) -> object:
        if self.name == "brightness":
            raise ValueError("no light today")
        return original(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Corruption, "apply", apply)
    result = work(folders, tmp_path / "run", ["histogram"], None, suites=("quick",))
    assert "brightness" in reasons(result)["histogram"]
    assert "no light today" in reasons(result)["histogram"]


def upcoming(jobs: int) -> list[int | None]:
    """The unit that comes after each of three, as workers are told."""
    tasks = [Task("score", (0,), unit, 1.0) for unit in range(3)]
    pool = SimpleNamespace(jobs=Jobs(jobs), workers=[])
    plan = SimpleNamespace(fits=["a fit"])
    scheduler = Scheduler(pool, tasks, Failures(plan, Silent()))  # type: ignore[arg-type]
    given = [scheduler._next() for _ in tasks]
    return [task.upcoming for task in given if task is not None]


def test_a_single_worker_is_told_what_comes_next_and_several_are_not() -> None:
    assert upcoming(1) == [1, 2, None]
    assert upcoming(2) == [None, None, None]
