"""A compact run keeps what its drops follow from, in a file of limited size."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_tables
from synthetic_run import ROWS, synthetic_tables, write_synthetic_run

from mimbench import claims
from mimbench.errors import OutputError
from mimbench.gate import gate
from mimbench.report.cautions import cautions
from mimbench.report.leaderboard.formats import leaderboard_frame
from mimbench.report.results import compute_board
from mimbench.runfolder.compact import write_compact
from mimbench.runfolder.reading import read_run
from mimbench.runfolder.rounding import round_corrupted
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.ranking.roc import auroc

CONDITIONS = tuple((name, level) for name in ("fog", "snow", "blur") for level in (1, 2, 3, 4, 5))
DROPS = ("auroc_corrupted", "drop", "drop_target_only")


def board_of(folder: Path) -> pd.DataFrame:
    run = read_run(folder)
    return leaderboard_frame(compute_board(run)).set_index("row")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of fifteen conditions, one of which presses a score's values together."""
    rows = tuple(row for row in ROWS if row.score not in ("mim/l1", "resnet18/msp"))
    tables = synthetic_tables(rows=rows, conditions=CONDITIONS)
    scores = tables.scores
    near = (scores["corruption"] == "snow") & (scores["score"] == "histogram")
    values = scores["value"].where(~near, 0.999 + 1e-4 * scores["value"])
    pressed = replace(tables, scores=scores.assign(value=values))
    return write_synthetic_run(tmp_path_factory.mktemp("long") / "run", pressed)


@pytest.fixture(scope="module")
def single(run: Path) -> Path:
    """The run in single precision."""
    assert write_compact(run, run.parent / "single").rounding is None
    return run.parent / "single"


@pytest.fixture(scope="module")
def small(run: Path, single: Path) -> Path:
    """The run in three fifths of that."""
    limit = (single / "scores.parquet").stat().st_size * 3 // 5
    made = write_compact(run, run.parent / "small", limit=limit)
    assert made.rounding is not None
    assert (run.parent / "small" / "scores.parquet").stat().st_size <= limit
    return run.parent / "small"


def test_single_precision_changes_no_number_of_the_report(run: Path, single: Path) -> None:
    whole, kept = board_of(run), board_of(single)
    shown = [name for name in whole if any(drop in name for drop in DROPS)]
    assert len(shown) > 20
    pd.testing.assert_frame_equal(whole, kept, rtol=0, atol=1e-9)


def test_a_smaller_file_keeps_clean_scores_and_every_drop(
    run: Path, single: Path, small: Path
) -> None:
    keys = ["fit_id", "score", "corruption", "severity", "image_id"]
    before, after = (
        read_tables(folder).scores.set_index(keys)["value"].sort_index()
        for folder in (single, small)
    )
    clean = before.index.get_level_values("corruption") == CLEAN
    pd.testing.assert_series_equal(before[clean], after[clean])
    assert not before[~clean].equals(after[~clean])
    whole, kept = board_of(run), board_of(small)
    shown = [name for name in whole if any(name.endswith(drop) for drop in DROPS)]
    assert float((whole[shown] - kept[shown]).abs().max(axis=None)) < 0.002


def test_what_rounding_changed_is_in_the_record_and_on_the_page(small: Path) -> None:
    words = json.loads((small / "run.json").read_text())["rounding"]
    assert "rounded" in words
    run = read_run(small)
    assert words in cautions(run, compute_board(run))


def test_no_auroc_changes_by_more_than_the_tolerance(single: Path) -> None:
    tables = read_tables(single)
    rounded, found = round_corrupted(tables, 0.001)
    role = tables.images.set_index("image_id")["role"]
    changes = []
    for _, part in tables.scores.groupby(["fit_id", "score", "corruption", "severity"]):
        of = role.reindex(part["image_id"]).to_numpy()
        pair = (frame.scores.loc[part.index, "value"].to_numpy() for frame in (tables, rounded))
        areas = [auroc(v[of == "target"], v[of == "unknown"]).value for v in pair]
        changes.append(abs(areas[0] - areas[1]))
    assert max(changes) <= found.change <= 0.001
    assert found.change > 0


def test_what_cannot_be_made_small_enough_is_an_error_that_says_what_to_do(
    run: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=r"--clean.*--limit"):
        write_compact(run, tmp_path / "tiny", limit=1000)
    assert not list((tmp_path / "tiny").iterdir())


def test_gate_and_claims_say_the_same_of_a_compact_run(tmp_path: Path) -> None:
    rows = {
        "mim/residual": Made(0.85, drop=0.02, swap=0.6, retraining_sd=0.02),
        "resnet18/posterior": Made(0.7, drop=0.05, swap=0.6),
        "harmonic": Made(0.6, control=True),
    }
    made: list[RunTables] = []
    for draw in (0, 1):
        folder = tmp_path / str(draw)
        folder.mkdir()
        made_tables(rows, seeds=(0, 1, 2), draw=draw).write(folder)
        write_compact(folder, tmp_path / f"small-{draw}")
        made += [read_tables(folder), read_tables(tmp_path / f"small-{draw}")]
    whole, small = gate(made[0], made[2]), gate(made[1], made[3])
    assert whole.verdicts == small.verdicts
    assert {test.condition for test in small.tests} == {"clean", "corrupted"}
    drops = [[test.drop for test in result.tests] for result in (whole, small)]
    np.testing.assert_allclose(*drops, atol=1e-9)
    stated = claims.read_claims("mim-paper")
    verdicts = [claims.verify(tables, stated) for tables in (made[0], made[1])]
    assert [v.verdict for v in verdicts[0]] == [v.verdict for v in verdicts[1]]
