"""Every table that is computed after scoring, and their files."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mimbench.csv_files.writing import write_csv
from mimbench.progress import Progress
from mimbench.report.figures.samples import FitSample, clean_samples
from mimbench.report.figures.training import loss_curves
from mimbench.report.leaderboard.entries import Leaderboard, build_leaderboard
from mimbench.report.second_process import SecondProcess, of_rows
from mimbench.report.subgroups import skin_tone_table
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.tables import write_table
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.tables.calibration import calibration_table
from mimbench.statistics.tables.class_signal import class_signal_table
from mimbench.statistics.tables.external import TABLES as EXTERNAL
from mimbench.statistics.tables.external import ExternalTest, external_test
from mimbench.statistics.tables.harmonised import harmonise_table
from mimbench.statistics.tables.known_categories import known_curve_table, left_out_table
from mimbench.statistics.tables.metrics import metrics_table
from mimbench.statistics.tables.operating import operating_table
from mimbench.statistics.tables.validation import validation_table

__all__ = ["Results", "compute_board", "compute_results"]

# Hundreds of MB as CSV when there are many conditions; nobody reads these by eye.
LARGE = ("metrics", "robustness")
SMALL = (
    "operating",
    "calibration",
    "class_signal",
    "known_curve",
    "left_out",
    "harmonise",
    "validation",
    "skin_tone",
)


@dataclass(frozen=True)
class Results:
    """What the tables of a run say; each frame is documented by the function that makes it.

    Attributes:
        samples: clean test scores of each fit, by headline row.
        harmonise: empty unless the run kept its images as they were as well.
        validation: how well fits do on their validation images, where they say it.
        skin_tone: headline rows by skin tone; empty where no image says it.
        training: loss curves of the run's training.csv, see `loss_curves`; no file of its own.
        external: None unless the run has external images.
    """

    metrics: pd.DataFrame
    board: Leaderboard
    samples: dict[str, list[FitSample]]
    operating: pd.DataFrame
    robustness: pd.DataFrame
    calibration: pd.DataFrame
    class_signal: pd.DataFrame
    known_curve: pd.DataFrame
    left_out: pd.DataFrame
    harmonise: pd.DataFrame
    validation: pd.DataFrame
    skin_tone: pd.DataFrame
    training: pd.DataFrame
    external: ExternalTest | None = None

    def write(self, folder: Path) -> None:
        """Write a parquet or CSV file for each table that has rows; one without leaves no file."""
        external = self.external.tables if self.external is not None else {}
        tables = {name: self._told(getattr(self, name)) for name in (*LARGE, *SMALL)}
        tables |= {f"external_{name}": external.get(name, pd.DataFrame()) for name in EXTERNAL}
        for name, table in tables.items():
            path = folder / f"{name}.csv"
            if name in LARGE:
                path.unlink(missing_ok=True)  # what it was called before 0.1
                path = path.with_suffix(".parquet")
            if not len(table):
                path.unlink(missing_ok=True)
            elif name in LARGE:
                write_table(table, path)
            else:
                write_csv(table, path)

    def _told(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with the size of the images when they were corrupted, if it speaks of that."""
        size = self.board.corrupted_at
        return table.assign(corrupted_at=size) if size and "corruption" in table else table


def compute_board(run: RunFolder) -> Leaderboard:
    """The leaderboard alone, as in `compute_results`, without what only other tables show."""
    metrics = metrics_table(run.tables, severities=False)
    return build_leaderboard(run, metrics, skin_tone_table(run))


def compute_results(
    run: RunFolder, progress: Progress, second: SecondProcess | None = None
) -> Results:
    """Compute everything, telling `progress` shares of 1 up to 0.6.

    Args:
        run: its folder.
        progress: see above.
        second: a process beside this one, which measures some of the rows.
    """
    tables = run.tables
    progress.update(0.02, "metrics and intervals")
    layout = Layout(tables)
    metrics = of_rows(
        second,
        "metrics",
        tables,
        layout,
        here={"tell": lambda share, row: progress.update(0.02 + 0.33 * share, f"metrics of {row}")},
    )
    if second is not None:
        second.ask("class_signal")
    progress.update(0.35, "comparisons")
    skin_tone = skin_tone_table(run)
    board = build_leaderboard(run, metrics, skin_tone)
    headline = [entry.row for entry in board.entries if entry.headline]
    samples = clean_samples(tables, headline)
    progress.update(0.4, "frozen thresholds")
    operating = operating_table(tables, layout=layout)
    calibration = calibration_table(tables, layout=layout)
    progress.update(0.45, "swap test")
    class_signal = None if second is None else second.answer()
    if class_signal is None:
        class_signal = class_signal_table(tables)
    known_curve, left_out = known_curve_table(tables), left_out_table(tables)
    harmonise = pd.DataFrame()
    if run.as_is is not None:
        harmonise = harmonise_table(metrics, metrics_table(run.as_is))
    progress.update(0.5, "robustness")
    robustness = of_rows(second, "robustness", tables, layout, reference=board.reference)
    return Results(
        metrics=metrics,
        board=board,
        samples=samples,
        operating=operating,
        robustness=robustness,
        calibration=calibration,
        class_signal=class_signal,
        known_curve=known_curve,
        left_out=left_out,
        harmonise=harmonise,
        validation=validation_table(tables.fits[tables.main_fits]),
        skin_tone=skin_tone,
        training=loss_curves(run),
        external=external_test(tables),
    )
