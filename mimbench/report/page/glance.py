"""The run in a few facts, at the top of the page."""

import pandas as pd

from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.runfolder.reading import RunFolder

__all__ = ["glance"]


def glance(run: RunFolder, board: Leaderboard) -> tuple[tuple[str, str], ...]:
    """The run in a few facts, as pairs of a name and a value."""
    tables = run.tables
    images, scores = tables.images, tables.scores
    conditions = scores.loc[scores["severity"] > 0, ["corruption", "severity"]].drop_duplicates()
    sizes = sorted({d.input_size for d in run.detectors.values() if d.input_size is not None})
    seeds = int(tables.fits["seed"].nunique())
    facts = [
        ("Target", run.target),
        (
            "Generated images" if run.generated else "Images",
            f"{len(images):,} images, {images['patient'].nunique():,} patients",
        ),
        ("Categories", f"{images['category'].nunique()}"),
        ("Detectors", f"{sum(not d.control for d in run.detectors.values())}"),
        ("Controls", f"{sum(d.control for d in run.detectors.values())}"),
        ("Folds × seeds", f"{max(tables.folds, 1)} × {max(seeds, 1)}"),
        (
            "Corruptions",
            f"{conditions['corruption'].nunique()} at {_severities(conditions['severity'])}"
            + f", on images of {board.corrupted_at}" * bool(board.corrupted_at)
            if len(conditions)
            else "none",
        ),
        ("Working resolution", f"{kept} px" if (kept := run.info.canonical_size) else "n/a"),
        ("Detector input", ", ".join(f"{size} px" for size in sizes)),
        ("Date", run.info.date[:10]),
    ]
    return tuple((name, value) for name, value in facts if value)


def _severities(levels: "pd.Series[int]") -> str:
    """E.g. "severity 5", or "severities 1, 3, 5"."""
    names = [str(level) for level in sorted(levels.unique())]
    return f"{'severity' if len(names) == 1 else 'severities'} {', '.join(names)}"
