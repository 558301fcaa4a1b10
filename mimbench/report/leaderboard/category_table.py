"""A table for a publication with one line per category and one column per row of the run."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from math import isnan
from typing import Any

import pandas as pd

from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.failures import told_together
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text
from mimbench.report.leaderboard.notes import CONVENTION_OF, tested_note
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.leaderboard.publication import (
    Cell,
    Choice,
    Publication,
    chosen,
    not_compared_note,
    ranked_entries,
    row_name,
    unclear_note,
)
from mimbench.report.leaderboard.ties import (
    UNCLEAR_IF,
    Ranking,
    against_control,
    ranking,
    ranking_notes,
)
from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.cautions import legend

__all__ = ["CATEGORY_COLUMNS", "category_frame", "category_table"]

CATEGORY_COLUMNS = {
    "row": "name of the score",
    "role": "of the category in the run: known, unknown, abnormal or external",
    "relation": "same-source or other-source: whether it comes from the target's source",
    "category": "name of the category",
    "value": "AUROC of the target's images against the category's, clean, mean over trained models",
    "low": "lower end of the 95 % interval",
    "high": "upper end of the 95 % interval",
    "n_target": "test images of the target",
    "n_target_patients": "patients behind them",
    "n_other": "test images of the category",
    "n_other_patients": "patients behind them",
    "caution": "why the interval covers less than it says; empty if it does not",
    "reason": "why there is no number; empty if there is one",
}

Line = Mapping[Hashable, Any]


def category_frame(metrics: pd.DataFrame, question: str = "detection") -> pd.DataFrame:
    """Clean AUROC of each row and category; columns as `CATEGORY_COLUMNS`."""
    own = metrics[
        (metrics["question"] == question)
        & (metrics["metric"] == "auroc")
        & (metrics["corruption"] == CLEAN)
        & (metrics["category"] != "")
    ]
    return own[list(CATEGORY_COLUMNS)].reset_index(drop=True)


def category_table(
    board: Leaderboard,
    metrics: pd.DataFrame,
    choice: Choice,
    differences: PairedDifferences,
    title: str,
    about: Sequence[str] = (),
) -> Publication:
    """Clean AUROC of each category.

    Args:
        board: of the run.
        metrics: its metrics table.
        choice: what to show; its columns are not used.
        differences: of the run, on the same images.
        title: what the caption begins with, e.g. the run's name.
        about: further notes, on the run.

    Raises:
        UnknownNameError: the run has no such row or group.
    """
    whole, board = board, chosen(board, choice)
    rows = [entry.row for entry in board.entries]
    ranked = ranked_entries(whole, board)
    sizes = {entry.row: entry.detector.input_size for entry in ranked}
    detectors = {entry.row: sizes[entry.row] for entry in ranked if not entry.control}
    controls = {entry.row: sizes[entry.row] for entry in ranked if entry.control}
    frame = category_frame(metrics, choice.question)
    frame = frame[frame["row"].isin([entry.row for entry in ranked])]
    body, records = [], []
    rankings: list[tuple[str, Ranking]] = []
    for group, category, lines in _by_category(frame, board):
        between = partial(
            differences.between, group=group, category=category, question=choice.question
        )
        values = {row: float(line["value"]) for row, line in lines.items()}
        own = ranking(detectors, controls, values, between)
        rankings.append((category, own))
        standings = {
            row: against_control(row, detectors[row], controls, values, between)
            for row in rows
            if row in detectors
        }
        first = next(iter(lines.values()))
        count = f"{first['n_other']} ({first['n_other_patients']})"
        cells = [
            Cell(interval_text(lines[row]), own.mark(row), unclear=standings.get(row) in UNCLEAR_IF)
            for row in rows
        ]
        body.append((Cell(category), Cell(group.label), Cell(count), *cells))
        records += [
            {
                **lines[row],
                "mark": own.mark(row),
                "against_controls": standings.get(row, "control"),
            }
            for row in rows
        ]
    alone = (
        record["row"]
        for record in records
        if record["against_controls"] == "not compared" and not isnan(record["value"])
    )
    numbers = pd.DataFrame(records)
    return Publication(
        caption=f"{title}: clean AUROC of each category with 95 % intervals.",
        label=f"{title} categories",
        header=(
            "category",
            "role, source",
            "images (patients)",
            *(row_name(entry) for entry in board.entries),
        ),
        body=tuple(body),
        notes=(
            *about,
            *unclear_note(body),
            *not_compared_note(alone),
            *_notes(board, rankings, numbers),
        ),
        numbers=numbers,
    )


def _by_category(
    frame: pd.DataFrame, board: Leaderboard
) -> Iterator[tuple[Group, str, dict[str, Line]]]:
    """Group, category, and the lines of the frame by row."""
    for group in board.groups:
        own = frame[(frame["role"] == group.role) & (frame["relation"] == group.relation)]
        for category, lines in own.groupby("category", sort=True, observed=True):
            yield group, str(category), {str(one["row"]): one for one in lines.to_dict("records")}


def _notes(
    board: Leaderboard, rankings: Sequence[tuple[str, Ranking]], numbers: pd.DataFrame
) -> Iterator[str]:
    yield from ranking_notes(rankings, {entry.row for entry in board.entries})
    if len(rankings) > 1:
        yield (
            "Rows are compared on each category by itself, not adjusted for the number of "
            "categories: of many differences, some look clear by chance."
        )
    if any(entry.control for entry in board.entries):
        names = ", ".join(entry.row for entry in board.entries if entry.control)
        yield f"Controls: {names}. {CONVENTION_OF['controls']}"
    if any(entry.open_set for entry in board.entries):
        yield CONVENTION_OF["open-set"]
    if len(numbers) and (note := legend(numbers["caution"])):
        yield note
    yield from filter(None, [tested_note(board)])
    yield CONVENTION_OF["auroc"]
    yield from (
        f"{failure.row} {failure.words.rstrip('.')}." for failure in told_together(board.failures)
    )
