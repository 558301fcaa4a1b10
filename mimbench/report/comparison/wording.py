"""What is said of runs side by side, on a terminal and on the page."""

from collections.abc import Hashable, Iterator
from math import isnan
from typing import Any

import pandas as pd

from mimbench.report.answer import State
from mimbench.report.comparison.facts import PARTS
from mimbench.report.comparison.rows import RunComparison
from mimbench.report.leaderboard.failures import rows_together
from mimbench.report.leaderboard.groups import Group, in_order
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.notes import difference_text
from mimbench.report.leaderboard.paired_differences import LEVEL
from mimbench.statistics.core.cautions import legend
from mimbench.statistics.core.estimate import Estimate
from mimbench.text import counted

__all__ = ["SAME", "answer", "facts", "groups", "header", "lines_of", "notes", "title"]

SAME = {
    "same scores": "Every score is the same in both runs",
    "same ranks": "All images keep their ranks under each condition, so these AUROCs are the same",
}
NAMED = 3  # differences in a sentence


def title(made: RunComparison) -> str:
    """Which run is compared with which."""
    return f"{made.names[1]} compared with {made.names[0]}"


def header(made: RunComparison) -> tuple[str, ...]:
    """Headings of the tables."""
    return "score", "condition", *made.names, "difference [95 %]", "p"


def answer(made: RunComparison) -> Iterator[tuple[State, str]]:
    """Which differences are clear, and that the others are not: at most three sentences.

    Yields:
        Whether it is in favour of the second run, and the sentence.
    """
    lacking = made.lines[made.lines["difference"].isna()]
    for why, own in lacking.groupby("caution"):
        named = ", ".join(dict.fromkeys(map(str, own["row"])))
        yield "caution", f"Not compared, {why}: {named}."
    lines = made.lines[~made.lines["models"].isin(SAME) & made.lines["difference"].notna()]
    if lines.empty:
        if len(lacking) < len(made.lines):
            yield "pass", "No AUROC that is compared differs."
        return
    clear = lines[lines["p"] < LEVEL]
    states: tuple[tuple[State, str, int], ...] = (("fail", "lower", -1), ("pass", "higher", 1))
    for state, word, sign in states:
        own = clear[clear["difference"] * sign > 0]
        if len(own):
            yield state, f"Clearly {word} in {made.names[1]}: {_largest(made, own)}."
    rows, decided = set(lines["row"]), set(clear["row"])
    open_rows = lines[~lines["row"].isin(decided)]
    unknown = {str(row) for row, p in open_rows.groupby("row")["p"] if p.isna().all()}
    words = "No difference is clear."
    if decided:
        words = f"{counted(len(rows - decided), 'other row', 'has')} no clear difference."
    if unknown:
        words += (
            f" In {counted(len(unknown), 'row')} none can be clear: what retraining changes is "
            "unknown; run both with --seeds 3."
        )
    if rows - decided:
        yield "caution", words


def _largest(made: RunComparison, lines: pd.DataFrame) -> str:
    """The largest differences, those of the group that sorts a leaderboard first."""
    told = []
    for group in groups(made):
        own = lines[(lines["role"] == group.role) & (lines["relation"] == group.relation)]
        for line in own.sort_values("difference", key=abs, ascending=False).to_dict("records"):
            told.append(f"{line['row']} {_difference(line)} on {group.label}, {line['condition']}")
    more = len(told) - NAMED
    return "; ".join(told[:NAMED]) + (f"; and {more} more" if more > 0 else "")


def facts(made: RunComparison) -> Iterator[tuple[str, list[str]]]:
    """Each part of `PARTS` with what differs in it."""
    for part in PARTS:
        yield part, [own.text for own in made.differences if own.part == part]


def groups(made: RunComparison) -> tuple[Group, ...]:
    """Groups of images with differences, in order."""
    lines = made.lines[~made.lines["models"].isin(SAME)]
    found = [Group(*names) for names in {*zip(lines["role"], lines["relation"], strict=True)}]
    return in_order(found)


def lines_of(made: RunComparison, group: Group) -> Iterator[tuple[list[str], bool]]:
    """Cells of each line of a group as in `header`, and whether the difference is clear."""
    lines = made.lines[~made.lines["models"].isin(SAME)]
    own = lines[(lines["role"] == group.role) & (lines["relation"] == group.relation)]
    for line in own.to_dict("records"):
        p = float(line["p"])
        areas = [rounded(line[name]) for name in ("first", "second")]
        cells = [str(line["row"]), str(line["condition"]), *areas, _difference(line), _p(p)]
        yield cells, p < LEVEL


def notes(made: RunComparison) -> Iterator[str]:
    """How to read the numbers, and what is not among them."""
    yield (
        f"Difference: {made.names[1]} minus {made.names[0]}, paired on {made.images} shared test "
        f"images; above 0, {made.names[1]} is better. Intervals are over patients and, where it is "
        "known, retraining, unadjusted; p is Holm-adjusted over all lines, and below 0.05 in bold."
    )
    for models, words in SAME.items():
        same = made.lines[made.lines["models"] == models]["row"].unique()
        if len(same):
            yield f"{words}: {rows_together(same)}."
    if "same models" in set(made.lines["models"]):
        yield "Where both runs scored with the same trained models, retraining plays no part."
    if note := legend(made.lines["caution"]):
        yield note
    yield from (f"Not compared: {sentence}." for sentence in made.missing)


def _difference(line: dict[Hashable, Any]) -> str:
    if isnan(line["difference"]):
        return "n/a"
    value, low, high = (float(line[name]) for name in ("difference", "low", "high"))
    return difference_text(Estimate(value, low, high, caution=str(line["caution"])))


def _p(value: float) -> str:
    if isnan(value):
        return "unknown"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
