"""The history of a run: every attempt, what it did and what that cost."""

from pathlib import Path

import pytest

from mimbench.progress import Silent
from mimbench.runfolder.history import HistoryProgress, RunHistory, read_attempts


def test_every_attempt_is_kept_also_one_that_was_killed(tmp_path: Path, finished_run: Path) -> None:
    killed = RunHistory(tmp_path, "mimbench run", {}, ["a", "b"], (2, 4))
    with killed.stage("fit"):
        (tmp_path / "fits").mkdir()
        (tmp_path / "fits" / "a.json").touch()
        killed.updated -= 60
        HistoryProgress(Silent(), killed).update(1)
        (told,) = read_attempts(tmp_path)
        assert (told.finished, told.fits.computed, "fit" in told.costs) == (False, 1, True)
    again = RunHistory(tmp_path, "mimbench run", {}, ["a", "b"], (2, 4))
    (tmp_path / "fits" / "b.json").touch()
    again.finish(0)
    first, second = read_attempts(tmp_path)
    assert (first.finished, second.finished) == (False, True)
    assert (second.fits.found, second.fits.computed, second.fits.planned) == (1, 1, 2)
    assert read_attempts(finished_run)[0].environment["threads"] >= 1


class Last(Silent):
    """Remembers what was said last."""

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        self.left = left


def test_what_is_left_of_the_run_is_what_the_executor_tells_and_the_estimate(
    tmp_path: Path,
) -> None:
    last = Last()
    history = RunHistory(tmp_path, "mimbench run", {}, ["a"], (1, 1))
    progress = HistoryProgress(last, history)
    with history.stage("fit"):
        progress.stage("Fitting", 10)
        progress.update(10, left=0.0)
        assert last.left is None, "how long scoring takes is not known"
    with history.stage("score"):
        progress.stage("Scoring", 10)
        progress.update(5, left=40.0)
        assert last.left == 40.0
    progress.expect(100.0, 200.0)
    with history.stage("fit"):
        progress.stage("Fitting", 10)
        progress.update(10, left=7.0)
        assert last.left == pytest.approx(7.0 + 200.0)
