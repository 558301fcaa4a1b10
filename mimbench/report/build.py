"""From a run folder to its report: metrics, leaderboard, figures and the page."""

from dataclasses import dataclass, replace
from pathlib import Path

from mimbench.csv_files.writing import write_csv
from mimbench.errors import OutputError
from mimbench.files import atomic_write
from mimbench.progress import Progress, Silent
from mimbench.report.cautions import of_table
from mimbench.report.figures.draw import draw_figures
from mimbench.report.figures.styles import row_styles
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.formats import leaderboard_frame, leaderboard_markdown
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.leaderboard.publication import Choice, board_table
from mimbench.report.leaderboard.publication_formats import as_latex
from mimbench.report.page.render import render_page
from mimbench.report.results import Results, compute_board, compute_results
from mimbench.report.second_process import SecondProcess
from mimbench.runfolder.cost import Meter
from mimbench.runfolder.history import add_cost, read_attempts
from mimbench.runfolder.reading import RunFolder, read_run

__all__ = ["Report", "rewrite_leaderboard", "write_report"]

LEADERBOARD = ("leaderboard.csv", "leaderboard.md", "leaderboard.tex")


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        folder: the run's folder, which now holds the report as well.
        page: the self-contained index.html.
        results: the tables behind it, as in their files.
    """

    folder: Path
    page: Path
    run: RunFolder
    results: Results

    @property
    def board(self) -> Leaderboard:
        """The leaderboard, as in leaderboard.csv."""
        return self.results.board


def write_report(
    folder: Path,
    *,
    progress: Progress | None = None,
    accept_changed: bool = False,
    second: SecondProcess | None = None,
) -> Report:
    """Recompute everything after scoring and write it into the run's folder.

    Args:
        folder: a run folder with scores.parquet, fits.parquet and images.parquet.
        progress: updated with shares of 1; the caller opens the stage.
        accept_changed: take what was changed since the run wrote it too; the page says so.
        second: a process beside this one, which measures some of the rows.

    Raises:
        TableError: a table of the run is missing, wrong or not the one that the run recorded.
        OutputError: the folder cannot be written.
    """
    tell = progress or Silent()
    meter = Meter()
    tell.update(0.0, "reading the tables")
    run = read_run(folder, accept_changed=accept_changed)
    results = compute_results(run, tell, second)
    board = results.board
    styles = row_styles(board, list(run.detectors))
    try:
        tell.update(0.6, "writing the tables")
        results.write(folder)
        for name in LEADERBOARD:
            _write_leaderboard(folder / name, run, board)
        tell.update(0.65, "drawing the figures")
        (folder / "figures").mkdir(exist_ok=True)
        drawings = draw_figures(folder / "figures", results, styles)
        add_cost(folder, "report", meter.read())
        run = replace(run, attempts=tuple(read_attempts(folder)))
        tell.update(0.95, "writing the page")
        page = folder / "index.html"
        _write(page, render_page(run, results, styles, drawings))
    except OSError as error:
        raise OutputError(f"The report cannot be written into {folder}: {error}.") from error
    return Report(folder, page, run, results)


def rewrite_leaderboard(folder: Path) -> tuple[str, ...]:
    """Make those leaderboard files again that lie in a folder, from its tables of today.

    Args:
        folder: of a run, or of its tables alone.

    Returns:
        Names of the files that were written.

    Raises:
        TableError: a table is missing or wrong.
        OutputError: the folder cannot be written.
    """
    there = tuple(name for name in LEADERBOARD if (folder / name).is_file())
    if there:
        run = read_run(folder)
        board = compute_board(run)
        try:
            for name in there:
                _write_leaderboard(folder / name, run, board)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
    return there


def _write_leaderboard(path: Path, run: RunFolder, board: Leaderboard) -> None:
    """Write one of the files of the leaderboard; the form is that of its suffix."""
    title = f"Leaderboard of {run.name}"
    if path.suffix == ".csv":
        write_csv(leaderboard_frame(board), path)
    elif path.suffix == ".md":
        _write(path, leaderboard_markdown(board, title, run.doubts))
    elif board.groups:
        differences = PairedDifferences(run.tables)
        about = of_table(run, board, ())
        _write(path, as_latex(board_table(board, Choice(), differences, title, about)))
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
