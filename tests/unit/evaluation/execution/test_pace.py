"""How far the tasks are, and how long the rest takes with the workers of this moment."""

import time

import pytest

from mimbench.evaluation.execution.pace import Pace
from mimbench.evaluation.execution.tasks import Task
from mimbench.progress import Silent


class Last(Silent):
    """Remembers what was said last."""

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        self.note, self.left = note, left


def tasks(count: int) -> list[Task]:
    return [Task("score", (0,), number, 4.0) for number in range(count)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, seconds."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_what_is_left_follows_workers_that_join(clock: list[float]) -> None:
    last = Last()
    pace = Pace(tasks(10), last)
    pace.tell(0.0, 10, 2, [])
    assert last.left is None, "nothing is known at the start"
    clock[0] += 30.0  # two workers did two tasks of 4: 30 s for each
    pace.tell(8.0, 8, 2, ["a", "b"])
    assert last.left == pytest.approx(8 * 30 / 2)
    pace.tell(8.0, 8, 4, ["a", "b"])
    assert last.left == pytest.approx(8 * 30 / 4)
    pace.tell(8.0, 8, 0, [])
    assert last.left is None, "nobody works"


def test_a_note_counts_workers_and_tasks_and_names_what_is_worked_on() -> None:
    last = Last()
    pace = Pace(tasks(10), last)
    pace.tell(8.0, 8, 4, ["mim", "pca", "knn", "vim"])
    assert last.note == "4 workers, 2 of 10 tasks: mim; pca and 2 more"
    pace.tell(8.0, 8, 1, [])
    assert last.note == "1 worker, 2 of 10 tasks"
    Pace(tasks(1), last).tell(0.0, 1, 1, ["mim"])
    assert last.note == "mim"
