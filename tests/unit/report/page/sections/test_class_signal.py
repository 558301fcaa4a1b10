"""The page's swap test names the control that decides, and controls that are missing."""

from pathlib import Path

import pytest
from made_tables import Made, made_tables

from mimbench.report.leaderboard.entries import build_leaderboard
from mimbench.report.page.sections.class_signal import signal_lines
from mimbench.runfolder.reading import read_run
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.class_signal import class_signal_table
from mimbench.statistics.tables.metrics import metrics_table


@pytest.mark.parametrize("made", [True, False])
def test_a_control_without_a_swap_test_is_named_beside_the_signal(
    made: bool, tmp_path: Path
) -> None:
    rows = {
        "mim": Made(0.9, swap=0.5),
        "learned": Made(0.6, swap=0.5, control=True),
        "other": Made(0.55, swap=0.5, control=True),
    }
    run = made_tables(rows, seeds=range(3), conditions=(("clean", 0),))
    gone = run.scores["fit_id"].str.startswith("learned-measles")
    tables = run if made else RunTables(run.scores[~gone], run.fits, run.images)
    tables.write(tmp_path)
    board = build_leaderboard(read_run(tmp_path), metrics_table(tables))
    lines = signal_lines(class_signal_table(tables), board)
    said = {line["over_control"] for line in lines if line["row"] == "mim"}
    assert all(("no class signal of learned" in text) != made for text in said)
    assert all("(learned)" in text or "(other)" in text for text in said)
