"""The tables in results/ are what the scores beside them give."""

from pathlib import Path

import pandas as pd
import pytest

from mimbench import claims
from mimbench.report.leaderboard.formats import leaderboard_frame
from mimbench.report.results import compute_board
from mimbench.runfolder.derived import unfit
from mimbench.runfolder.reading import read_run
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import CLEAN, checksums
from mimbench.statistics.tables.class_signal import class_signal_table

RESULTS = Path(__file__).parents[2] / "results"
RUNS = sorted(path.parent for path in RESULTS.glob("*/scores.parquet"))
VERDICTS = sorted(RESULTS.glob("*/verdicts.*"))
CLOSE = 1e-6
LARGEST = 3_000_000  # bytes of a run's scores
LARGER = {"msld-skin18-corrupted": 7_500_000}  # 34 corruptions at three severities in five folds
COMPARED = (  # of a verdict
    "verdict",
    "statement",
    "effect",
    "number",
    "claimed",
    "adjusted_p",
    "target_patients",
    "other_patients",
    "explanation",
    "caution",
)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def same(kept: pd.DataFrame, found: pd.DataFrame, keys: list[str]) -> None:
    """Every column that both have is equal, line by line."""
    assert len(kept) == len(found)
    both = [name for name in kept if name in found]
    assert set(keys) < set(both)
    pair = [table[both].sort_values(keys, ignore_index=True) for table in (kept, found)]
    for name in both:
        one, other = (table[name] for table in pair)
        if pd.api.types.is_numeric_dtype(other):
            pd.testing.assert_series_equal(
                one.astype(float), other.astype(float), rtol=0, atol=CLOSE, check_names=False
            )
        else:
            texts = [column.fillna("").astype(str).tolist() for column in (one, other)]
            assert texts[0] == texts[1], name


def of_corruption(column: str) -> bool:
    """Whether a column of the leaderboard follows from scores of corrupted images."""
    return "corrupted" in column or "drop" in column


def test_there_are_results() -> None:
    assert RUNS


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_numbers_of_corrupted_images_have_their_scores_beside_them(folder: Path) -> None:
    kept = read(folder / "leaderboard.csv")
    speaks = kept[[column for column in kept if of_corruption(column)]].notna().any(axis=None)
    has = set(read_tables(folder).scores["corruption"]) != {CLEAN}
    assert has or not speaks
    assert (folder / "scores.parquet").stat().st_size <= LARGER.get(folder.name, LARGEST)


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_tables_follow_from_scores(folder: Path) -> None:
    run = read_run(folder)
    board, class_signal = leaderboard_frame(compute_board(run)), class_signal_table(run.tables)
    kept = read(folder / "leaderboard.csv")
    same(kept, board, ["row"])
    assert (folder / "class_signal.csv").exists() == (len(class_signal) > 0)
    if len(class_signal):
        place = ["row", "swap", "role", "relation"]
        same(read(folder / "class_signal.csv"), class_signal, place)


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_checksums_are_those_of_the_files_and_no_path_is_kept(folder: Path) -> None:
    run = read_run(folder)
    assert run.info.checksums == checksums(folder)
    assert set(run.tables.images["path"]) == {""}


@pytest.mark.parametrize("kept", VERDICTS, ids=lambda path: path.parent.name)
def test_verdicts_are_the_recorded_ones_so_that_the_page_shows_them(kept: Path) -> None:
    assert unfit(kept, checksums(kept.parent), "mimbench verify") == ""


@pytest.mark.parametrize("kept", VERDICTS, ids=lambda path: path.parent.name)
def test_verdicts_follow_from_scores(kept: Path) -> None:
    stated = claims.read_claims("mim-paper")
    assert claims.kept_claims(kept.parent) == stated
    found = claims.verify(read_tables(kept.parent), stated)
    before = claims.verdicts_of(read_run(kept.parent))
    assert [(own.claim, own.row) for own in before] == [(own.claim, own.row) for own in found]
    for old, now in zip(before, found, strict=True):
        for name in COMPARED:
            assert getattr(old, name) == getattr(now, name), (old.claim, old.row, name)
