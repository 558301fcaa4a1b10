"""A control sees what the row sees: comparisons within one input size, warnings about the rest."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from made_tables import Made, made_tables

from mimbench.claims.confounds import explanations
from mimbench.claims.evidence import Place, RunEvidence
from mimbench.claims.statement import Claim
from mimbench.report.leaderboard.entries import Entry, Leaderboard, build_leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.notes import standing_note
from mimbench.runfolder.reading import read_run
from mimbench.scores.tables import RunTables
from mimbench.statistics.run.controls import controls_of, row_facts
from mimbench.statistics.tables.class_signal import class_signal_table
from mimbench.statistics.tables.larger_controls import larger_size_warnings
from mimbench.statistics.tables.metrics import metrics_table

UNKNOWN = Group("unknown", "same-source")
ROWS = {
    "mim": Made(0.80, swap=0.70),
    "smoothness": Made(0.60, control=True, swap=0.60),
    "file-statistics": Made(0.97, control=True, swap=0.60),
    "file-statistics-64px": Made(0.52, control=True, swap=0.50),
}
SIZES = {"mim": 64, "smoothness": 64, "file-statistics": 224, "file-statistics-64px": 64}
CLAIM = Claim(id="c", statement="It works.", kind="at_least", rows=("mim",), bound=0.6)


def sized(sizes: dict[str, int], rows: dict[str, Made] = ROWS) -> RunTables:
    """The made run whose detectors see images of these sizes."""
    tables = made_tables({name: rows[name] for name in sizes}, seeds=(0, 1, 2))
    seen = tables.fits["detector"].map(sizes).astype("int64")
    return replace(tables, fits=tables.fits.assign(input_size=seen))


def board_of(tables: RunTables) -> Leaderboard:
    with TemporaryDirectory() as folder:
        tables.write(Path(folder))
        run = read_run(Path(folder))
    return build_leaderboard(run, metrics_table(tables))


def entry_of(sizes: dict[str, int]) -> Entry:
    return board_of(sized(sizes)).entry("mim")


def test_a_row_is_compared_with_controls_of_its_own_size_everywhere() -> None:
    tables = sized(SIZES)
    assert controls_of("mim", row_facts(tables)) == ("file-statistics-64px", "smoothness")
    assert controls_of("smoothness", row_facts(tables)) == ()
    entry = board_of(tables).entry("mim")
    assert entry.best_control[UNKNOWN][0] == "smoothness"
    assert entry.standing(UNKNOWN) == "above"
    found = str(explanations(RunEvidence(tables), Place(CLAIM, "mim", "same-source"), 0.05))
    assert "smoothness" in found
    assert "file-statistics " not in found
    signals = class_signal_table(tables)
    own = signals[(signals["row"] == "mim") & (signals["role"] == "unknown")]
    assert set(own["control"]) == {"file-statistics-64px"}


def test_a_row_without_a_control_of_its_size_is_never_above() -> None:
    sizes = {"mim": 64, "file-statistics": 224}
    entry, board = entry_of(sizes), board_of(sized(sizes))
    assert entry.standing(UNKNOWN) == "not compared"
    assert "64 px" in standing_note(entry, board)
    tables = sized(sizes)
    found = explanations(RunEvidence(tables), Place(CLAIM, "mim", "same-source"), 0.05)
    assert any("no control" in words and "64 px" in words for words in found.missing)
    assert set(class_signal_table(tables)["control"]) == {""}


def test_a_row_of_unknown_size_is_compared_with_controls_of_every_size() -> None:
    entry = entry_of(SIZES | {"mim": 0})
    assert entry.best_control[UNKNOWN][0] == "file-statistics"
    assert entry.standing(UNKNOWN) == "not above"


def test_what_only_a_larger_size_shows_is_a_warning_about_the_images() -> None:
    (warning,) = larger_size_warnings(sized(SIZES))
    for fact in ("file-statistics at 224 px", "unknown", "0.97", "at 64 px 0.5"):
        assert fact in warning
    assert board_of(sized(SIZES)).warnings == (warning,)
    alone = {name: SIZES[name] for name in ("mim", "smoothness", "file-statistics")}
    (unmeasured,) = larger_size_warnings(sized(alone))
    assert "not measured" in unmeasured


def test_a_control_that_failed_at_the_smaller_size_was_not_measured_there() -> None:
    tables = sized(SIZES)
    lost = tables.fits["detector"] == "file-statistics-64px"
    fits = tables.fits.assign(status=tables.fits["status"].mask(lost, "failed"))
    scores = tables.scores[tables.scores["score"] != "file-statistics-64px"]
    (warning,) = larger_size_warnings(replace(tables, scores=scores, fits=fits))
    assert "not measured" in warning


@pytest.mark.parametrize(
    "sizes",
    [SIZES | {"file-statistics": 64}, SIZES | {"mim": 224}, {"smoothness": 64, "mim": 64}],
    ids=["one size", "rows see it too", "no such control"],
)
def test_there_is_no_warning_about_a_size_that_rows_see(sizes: dict[str, int]) -> None:
    assert larger_size_warnings(sized(sizes)) == ()


def test_a_larger_size_that_shows_no_more_is_no_warning() -> None:
    same = ROWS | {"file-statistics-64px": ROWS["file-statistics"]}
    assert larger_size_warnings(sized(SIZES, same)) == ()
