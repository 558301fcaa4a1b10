"""What a run is about: what was measured, and which row its first sentences speak of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mimbench.claims import Verdict
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.runfolder.reading import DetectorInfo, RunFolder
from mimbench.statistics.run.controls import row_facts
from mimbench.text import counted

__all__ = ["Subject", "first_score", "subject_of", "what_was_measured"]


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
    run: RunFolder,
    board: Leaderboard,
    verdicts: Sequence[Verdict] = (),
    without: Collection[str] = (),
) -> Subject | None:
    """The row that a run is about, or would be without some of its detectors.

    The headline row of the claims, which was fixed beforehand; or else the first score of the first
    detector from outside, or that learns the target alone, or that is no control.
    """
    rows = [
        entry
        for entry in board.entries
        if entry.headline and not entry.control and entry.detector.name not in without
    ]
    there = {entry.row for entry in rows}
    for verdict in verdicts:
        if verdict.headline and verdict.row in there:
            return Subject(verdict.row, "the row that the claims name first")
    if not rows:
        return None
    facts = row_facts(run.tables)
    learns = set(facts.index[facts["learns_target"]])
    kinds = (
        ("not of mimbench", [e for e in rows if e.detector.family in ("plug-in", "elsewhere")]),
        ("that learns the target alone", [e for e in rows if e.row in learns]),
        ("of the run", rows),
    )
    why, found = next((why, found) for why, found in kinds if found)
    order = list(run.detectors)
    first = min(found, key=lambda entry: order.index(entry.detector.name)).detector
    return Subject(first_score(first, board), f"the first score of the first detector {why}")


def first_score(detector: DetectorInfo, board: Leaderboard) -> str:
    """The headline row that a detector names first; empty if the leaderboard has none of it."""
    own = [e.row for e in board.entries if e.headline and e.detector.name == detector.name]
    scores = [f"{detector.name}/{score}" for score in (*detector.headline, *detector.scores)]
    return next((row for row in (detector.name, *scores, *own) if row in own), "")
