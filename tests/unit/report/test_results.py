"""The leaderboard alone, which most commands ask for."""

from pathlib import Path

import pandas as pd
from synthetic_run import ROWS, synthetic_tables, write_synthetic_run

from mimbench.progress import Silent
from mimbench.report.leaderboard.formats import leaderboard_frame
from mimbench.report.results import compute_board, compute_results
from mimbench.runfolder.reading import read_run
from mimbench.statistics.tables.metrics import metrics_table

CONDITIONS = (("fog", 1), ("fog", 3), ("snow", 1), ("snow", 3))


def test_the_leaderboard_alone_is_that_of_the_whole_report(tmp_path: Path) -> None:
    rows = tuple(row for row in ROWS if row.score in ("mim/residual", "resnet18/posterior"))
    tables = synthetic_tables(rows=rows, conditions=CONDITIONS)
    run = read_run(write_synthetic_run(tmp_path / "run", tables))
    whole = compute_results(run, Silent())
    alone = compute_board(run)
    pd.testing.assert_frame_equal(leaderboard_frame(alone), leaderboard_frame(whole.board))
    means = metrics_table(run.tables, severities=False)
    kept = whole.metrics[whole.metrics["severity"] <= 0].reset_index(drop=True)
    texts = dict.fromkeys(means.select_dtypes("category"), "str")
    pd.testing.assert_frame_equal(means.astype(texts), kept.astype(texts))
    assert set(means["corruption"]) == {"clean", "fog", "snow", "*"}
