"""What becomes of tasks whose Dask workers die, with a scheduler that does as it is told."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import KilledWorker
from executors import Told

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.dask_cluster.scheduling import DaskScheduler, Heard, WorkerGone
from mimbench.evaluation.execution.dask_cluster.worker import TaskReport
from mimbench.evaluation.execution.executor import Failures
from mimbench.evaluation.execution.tasks import Task


class Future:
    """A task that Dask has, as its client sees it."""

    def __init__(self, task: Task) -> None:
        self.task, self.status = task, "pending"

    def end(self, **failed: str) -> None:
        """The task is done, but for these fits."""
        self.status = "finished"
        self.report = TaskReport({int(fit[1:]): reason for fit, reason in failed.items()})

    def give_up(self) -> None:
        """Dask does not repeat it any more."""
        self.status = "error"

    def result(self) -> TaskReport:
        return self.report

    def exception(self) -> Exception:
        return KilledWorker("key", "worker", 3)

    def release(self) -> None:
        return


class Cluster:
    """Takes tasks, and remembers them."""

    def __init__(self) -> None:
        self.futures: dict[str, Future] = {}
        self.withdrawn: list[str] = []
        self.cluster = SimpleNamespace(lost=lambda: MimbenchError("gone"))

    def submit(self, task: Task) -> tuple[str, Future]:
        key = f"task-{len(self.futures) + 1}"
        self.futures[key] = Future(task)
        return key, self.futures[key]

    def withdraw(self, future: Any, key: str) -> None:
        self.withdrawn.append(key)

    def keep(self, files: Any) -> None:
        assert not files


class Case:
    """A list of tasks, scheduled on such a cluster."""

    def __init__(self, *tasks: Task) -> None:
        self.told, self.cluster = Told(), Cluster()
        plan: Any = SimpleNamespace(fits=["mim", "pca", "knn"])
        self.failures = Failures(plan, self.told)
        executor: Any = self.cluster
        self.scheduler = DaskScheduler(executor, tasks, self.failures)
        self.scheduler.step(1)

    def dies(self, key: str, fit: int | None) -> None:
        """A worker begins a task and dies of this fit."""
        self.scheduler.heard.put(Heard(key, "tcp://a:1", fit))
        self.scheduler.heard.put(WorkerGone("tcp://a:1", died=True))
        self.scheduler.step(1)


SCORE = Task("score, clean", (0, 1, 2), 4, 8.0)


def test_a_fit_whose_workers_died_three_times_fails_and_the_others_of_the_task_are_done() -> None:
    case = Case(SCORE)
    for _ in range(3):
        assert case.failures.reasons == {}
        case.dies("task-1", 1)
    assert case.failures.reasons == {
        1: "score, clean: its Dask worker died or was stopped 3 times; out of memory?"
    }
    repeated = [text for text in case.told.messages if "it is repeated" in text]
    assert [text.partition(":")[0] for text in repeated] == ["pca, score, clean"] * 2
    assert case.cluster.withdrawn == ["task-1"], "Dask has begun it for the fourth time"
    case.scheduler.step(1)
    again = case.cluster.futures["task-2"]
    assert again.task.fits == (0, 2)
    again.end()
    case.scheduler.step(1)
    assert not case.scheduler.unfinished()
    assert case.scheduler.done == SCORE.size


def test_three_trainings_that_lose_their_workers_once_do_not_fail() -> None:
    case = Case(*(Task("fit", (fit,), None, 1.0) for fit in range(3)))
    for key in ("task-1", "task-2", "task-3"):
        case.scheduler.step(1)
        case.dies(key, None)  # before it could tell which training it is
    assert case.failures.reasons == {}


def test_what_all_fits_of_a_task_share_fails_them_all() -> None:
    case = Case(SCORE)
    for _ in range(3):
        case.dies("task-1", None)
    case.scheduler.step(1)
    assert list(case.failures.reasons) == [0, 1, 2]
    assert not case.scheduler.unfinished()


def test_deaths_before_progress_are_forgotten_and_what_dask_gave_up_begins_again(
    tmp_path: Path,
) -> None:
    checkpoint = tmp_path / "checkpoint"
    case = Case(Task("fit", (0,), None, 1.0, checkpoint))
    checkpoint.touch()
    for seconds in range(4):
        os.utime(checkpoint, (seconds, seconds))  # it got further
        case.dies("task-1", 0)
    case.cluster.futures["task-1"].give_up()
    case.scheduler.step(1)
    case.scheduler.step(1)
    assert case.failures.reasons == {}
    case.cluster.futures["task-2"].end()
    case.scheduler.step(1)
    assert not case.scheduler.unfinished()


def test_a_worker_that_leaves_in_order_and_a_task_that_only_waited_count_for_nothing() -> None:
    case = Case(SCORE, Task("score, fog 1", (0,), 5, 8.0))
    for _ in range(5):
        case.scheduler.heard.put(Heard("task-1", "tcp://a:1", 1))
        case.scheduler.heard.put(WorkerGone("tcp://a:1", died=False))
        case.scheduler.step(1)
    assert case.told.messages == []
    case.dies("task-1", 1)
    case.cluster.futures["task-2"].give_up()  # it waited on workers that died
    case.scheduler.step(1)
    assert case.failures.reasons == {}
    case.scheduler.step(1)
    assert case.cluster.futures["task-3"].task.stage == "score, fog 1"


def test_a_worker_that_dies_before_it_can_tell_is_counted_too() -> None:
    case = Case(Task("fit", (0,), None, 1.0))
    for key in ("task-1", "task-2", "task-3"):
        case.cluster.futures[key].give_up()
        case.scheduler.step(1)
        case.scheduler.step(1)
    assert list(case.failures.reasons) == [0]
    assert not case.scheduler.unfinished()


def test_a_task_that_the_scheduler_forgot_means_that_it_is_gone() -> None:
    case = Case(SCORE)
    case.cluster.futures["task-1"].status = "cancelled"
    with pytest.raises(MimbenchError, match="gone"):
        case.scheduler.step(1)
