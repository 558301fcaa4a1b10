"""From a run folder to its report: metrics, leaderboard, figures and the page."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mimbench.errors import OutputError
from mimbench.evaluation.progress import Progress, Silent
from mimbench.report.figures import draw_figures
from mimbench.report.folder import RunFolder, read_run
from mimbench.report.harmonised import harmonise_table
from mimbench.report.leaderboard import Leaderboard, build_leaderboard
from mimbench.report.page import render_page
from mimbench.report.samples import clean_samples
from mimbench.report.styles import row_styles
from mimbench.report.tables import leaderboard_frame, leaderboard_latex, leaderboard_markdown
from mimbench.scores import AS_IS, read_tables
from mimbench.statistics.class_signal import class_signal_table
from mimbench.statistics.metrics import metrics_table

__all__ = ["Report", "write_report"]


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        folder: the run's folder, which now holds the report as well.
        page: the self-contained index.html.
        metrics: the long table of all numbers, as in metrics.csv.
        board: the leaderboard, as in leaderboard.csv.
    """

    folder: Path
    page: Path
    run: RunFolder
    metrics: pd.DataFrame
    board: Leaderboard


def write_report(folder: Path, *, progress: Progress | None = None) -> Report:
    """Recompute everything after scoring and write it into the run's folder.

    Args:
        folder: a run folder with scores.parquet, fits.parquet and images.parquet.
        progress: updated with shares of 1; the caller opens the stage.

    Raises:
        TableError: a table of the run is missing or wrong.
        OutputError: the folder cannot be written.
    """
    tell = progress or Silent()
    run = read_run(folder)
    tell.update(0.05, "computing the metrics")
    metrics = metrics_table(run.tables)
    run = _with_computed_extras(run, metrics)
    board = build_leaderboard(run, metrics)
    styles = row_styles(board, list(run.detectors))
    samples = clean_samples(run.tables, [entry.row for entry in board.entries if entry.headline])
    try:
        tell.update(0.5, "writing the tables")
        metrics.to_csv(folder / "metrics.csv", index=False)
        leaderboard_frame(board).to_csv(folder / "leaderboard.csv", index=False)
        markdown = leaderboard_markdown(board, f"Leaderboard of {run.name}")
        (folder / "leaderboard.md").write_text(markdown, encoding="utf-8")
        (folder / "leaderboard.tex").write_text(leaderboard_latex(board), encoding="utf-8")
        tell.update(0.6, "drawing the figures")
        (folder / "figures").mkdir(exist_ok=True)
        drawings = draw_figures(folder / "figures", metrics, board, samples, styles)
        tell.update(0.95, "writing the page")
        page = folder / "index.html"
        text = render_page(run, metrics, board, samples, styles, drawings)
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The report cannot be written into {folder}: {error}.") from error
    return Report(folder, page, run, metrics, board)


def _with_computed_extras(run: RunFolder, metrics: pd.DataFrame) -> RunFolder:
    """Add the swap test of a run with swap fits, and what harmonising changed, as CSV files too."""
    found = {"class_signal": class_signal_table(run.tables)}
    as_is = run.path / AS_IS
    if (as_is / "scores.parquet").is_file():
        found["harmonise"] = harmonise_table(metrics, metrics_table(read_tables(as_is)))
    for stem, table in found.items():
        if len(table):
            table.to_csv(run.path / f"{stem}.csv", index=False)
    made = {stem: table for stem, table in found.items() if len(table)}
    return replace(run, extras={**run.extras, **made})
