"""The best row of a table: among all rows of the run, beside controls of its own size."""

from math import nan

import pytest

from mimbench.report.leaderboard.ties import Ranking, against_control, ranking, ranking_notes
from mimbench.statistics.core.estimate import Estimate

VALUES = {"mim": 0.70, "cnn": 0.95, "weak": nan, "smooth": 0.80, "files": 0.99}
DETECTORS = {"mim": 64, "cnn": 64, "weak": 64}


def difference(first: str, second: str) -> Estimate:
    gap = VALUES[first] - VALUES[second]
    return Estimate(gap, gap - 0.1, gap + 0.1, p=0.001 if gap > 0.1 else 0.5)


def ranked(controls: dict[str, int | None]) -> Ranking:
    return ranking(DETECTORS, controls, VALUES, difference)


def test_a_control_of_another_size_takes_no_mark_away() -> None:
    assert ranked({"smooth": 64, "files": 224}).best == "cnn"
    assert ranked({"smooth": 64, "files": 64}) == Ranking(control="files")
    assert ranked({"files": None}) == Ranking(control="files")


def test_nothing_is_the_best_where_a_control_is_printed_as_high() -> None:
    for lead, control in ((0.004, "as-high"), (0.02, "")):
        values = {**VALUES, "cnn": 0.7, "mim": 0.5, "as-high": 0.7 - lead}
        found = ranking(DETECTORS, {"as-high": 64}, values, difference)
        assert (found.control, found.best) == (control, "" if control else "cnn")


def test_a_row_of_unknown_size_is_compared_with_every_control() -> None:
    controls: dict[str, int | None] = {"smooth": 64, "files": 224}
    standings = [
        against_control("cnn", size, controls, VALUES, difference) for size in (64, 224, 32, None)
    ]
    assert standings == ["above", "not above", "not compared", "not above"]
    made_elsewhere = {"cnn": None, "mim": 64}
    assert ranking(made_elsewhere, controls, VALUES, difference) == Ranking(control="files")


def test_a_row_that_is_not_shown_is_still_the_best() -> None:
    own = ranked({"smooth": 64})
    assert (own.best, own.tied) == ("cnn", frozenset())
    (note,) = ranking_notes([("unknown", own)], {"mim"})
    assert "not shown" in note
    assert "cnn" in note
    assert "Bold" in next(ranking_notes([("unknown", own)], {"mim", "cnn"}))


@pytest.mark.parametrize("shown", [{"mim"}, {"mim", "cnn"}])
def test_ties_are_explained_where_they_stand(shown: set[str]) -> None:
    tied = Ranking("cnn", frozenset({"mim"}))
    assert any("‡" in note for note in ranking_notes([("unknown", tied)], shown))
