"""The history of a run: every attempt, what it did and what that cost."""

from pathlib import Path

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
