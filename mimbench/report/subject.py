"""What a run is about: what was measured, and which row its first sentences speak of."""

from collections.abc import Sequence
from dataclasses import dataclass

from mimbench.claims import Verdict
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.runfolder.reading import RunFolder
from mimbench.statistics.run.controls import row_facts
from mimbench.text import counted

__all__ = ["Subject", "subject_of", "what_was_measured"]


@dataclass(frozen=True)
class Subject:
    """The row that the sentences are about, and why it is this one."""

    row: str
    why: str


def what_was_measured(run: RunFolder) -> str:
    """The title of a report, e.g. "mpox against 2 other categories: 3 detectors"."""
    images = run.tables.images
    others = images.loc[images["category"] != run.target, "category"].nunique()
    controls = sum(one.control for one in run.detectors.values())
    kinds = ((len(run.detectors) - controls, "detector"), (controls, "control"))
    rows = [counted(number, noun) for number, noun in kinds if number]
    scores = run.tables.scores
    conditions = scores.loc[scores["severity"] > 0, "corruption"].nunique()
    under = f", clean and under {counted(conditions, 'corruption')}" if conditions else ""
    against = f" against {counted(others, 'other category')}" if others else ""
    return f"{run.target.replace('_', ' ')}{against}: {' and '.join(rows)}{under}"


def subject_of(
    run: RunFolder, board: Leaderboard, verdicts: Sequence[Verdict] = ()
) -> Subject | None:
    """The row that a run is about.

    The headline row of the claims, which was fixed beforehand; or else the first score of the first
    detector from outside, or that learns the target alone, or that is no control.
    """
    rows = [entry for entry in board.entries if entry.headline and not entry.control]
    there = {entry.row for entry in rows}
    for verdict in verdicts:
        if verdict.headline and verdict.row in there:
            return Subject(verdict.row, "the row that the claims name first")
    if not rows:
        return None
    learns = set(row_facts(run.tables).query("learns_target").index)
    kinds = (
        ("not of mimbench", [e for e in rows if e.detector.family in ("plug-in", "elsewhere")]),
        ("that learns the target alone", [e for e in rows if e.row in learns]),
        ("of the run", rows),
    )
    why, found = next((why, found) for why, found in kinds if found)
    order = list(run.detectors)
    first = min(found, key=lambda entry: order.index(entry.detector.name)).detector
    scores = [f"{first.name}/{score}" for score in (*first.headline, *first.scores)]
    row = next((name for name in (first.name, *scores) if name in there), "")
    row = row or next(entry.row for entry in rows if entry.detector.name == first.name)
    return Subject(row, f"the first score of the first detector {why}")
