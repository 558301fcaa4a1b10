"""A report in two processes is that of one, whatever becomes of the second."""

import pandas as pd
import pytest
from synthetic_run import small_tables, synthetic_tables, write_synthetic_run

from mimbench.progress import Silent
from mimbench.report import second_process as beside
from mimbench.report.leaderboard.formats import leaderboard_frame
from mimbench.report.results import compute_results
from mimbench.runfolder.reading import read_run


@pytest.fixture
def run(tmp_path):
    return read_run(write_synthetic_run(tmp_path / "run", small_tables(synthetic_tables())))


@pytest.fixture
def worth_it(monkeypatch):
    monkeypatch.setattr(beside, "FEWEST", 1)
    monkeypatch.setattr(beside, "_processors", lambda: 2)


def same(one, two):
    for name in ("metrics", "robustness", "class_signal"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    pd.testing.assert_frame_equal(leaderboard_frame(one.board), leaderboard_frame(two.board))


def test_tables_of_two_processes_are_those_of_one(run, worth_it):
    alone = compute_results(run, Silent())
    with beside.second_process(run.path) as second:
        assert second is not None
        answers = []
        kept = second.answer
        second.answer = lambda: answers.append(kept()) or answers[-1]
        same(alone, compute_results(run, Silent(), second))
    assert [table is not None for table in answers] == [True] * 3
    assert set(alone.metrics["row"]) - set(answers[0]["row"])  # some rows were measured here
    assert not second._process.is_alive()


def test_what_a_second_process_that_ended_owes_is_computed_here(run, worth_it):
    alone = compute_results(run, Silent())
    with beside.second_process(run.path) as second:
        second.end()
        same(alone, compute_results(run, Silent(), second))


def test_small_runs_and_single_processors_get_none(run, monkeypatch):
    with beside.second_process(run.path) as second:
        assert second is None
    monkeypatch.setattr(beside, "FEWEST", 1)
    monkeypatch.setattr(beside, "_processors", lambda: 1)
    with beside.second_process(run.path) as second:
        assert second is None
    with beside.second_process(run.path / "nowhere") as second:
        assert second is None
