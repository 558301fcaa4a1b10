"""What is said of runs side by side, on a terminal and on the page."""

from collections.abc import Iterator
from math import isnan

from mimbench.report.comparison.facts import PARTS
from mimbench.report.comparison.rows import RunComparison
from mimbench.report.leaderboard.groups import Group, primary_group
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.notes import difference_text
from mimbench.report.leaderboard.paired_differences import LEVEL
from mimbench.statistics.core.cautions import legend
from mimbench.statistics.core.estimate import Estimate

__all__ = ["HEADER", "facts", "groups", "lines_of", "notes", "title"]

HEADER = ("score", "condition", "first", "second", "difference [95 %]", "p")
SAME = "same scores"


def title(made: RunComparison) -> str:
    """Which run is compared with which."""
    return f"{made.names[1]} compared with {made.names[0]}"


def facts(made: RunComparison) -> Iterator[tuple[str, list[str]]]:
    """Each part of `PARTS` with what differs in it."""
    for part in PARTS:
        yield part, [own.text for own in made.differences if own.part == part]


def groups(made: RunComparison) -> list[Group]:
    """Groups of images with differences, the one that sorts a leaderboard first."""
    lines = made.lines[made.lines["models"] != SAME]
    found = [Group(*names) for names in {*zip(lines["role"], lines["relation"], strict=True)}]
    first = primary_group(found)
    return sorted(found, key=lambda group: (group != first, group))


def lines_of(made: RunComparison, group: Group) -> Iterator[tuple[list[str], bool]]:
    """Cells of each line of a group as in `HEADER`, and whether the difference is clear."""
    lines = made.lines[made.lines["models"] != SAME]
    own = lines[(lines["role"] == group.role) & (lines["relation"] == group.relation)]
    for line in own.to_dict("records"):
        shown, p = "n/a", float(line["p"])
        if not isnan(line["difference"]):
            value, low, high = (float(line[name]) for name in ("difference", "low", "high"))
            shown = difference_text(Estimate(value, low, high, caution=str(line["caution"])))
        areas = [rounded(line[name]) for name in ("first", "second")]
        yield [str(line["row"]), str(line["condition"]), *areas, shown, _p(p)], p < LEVEL


def notes(made: RunComparison) -> Iterator[str]:
    """How to read the numbers, and what is not among them."""
    yield (
        f"Difference: second minus first, paired on {made.images} shared test images; above 0 the "
        "second run is better. Intervals are over patients and retraining, unadjusted; p is "
        "Holm-adjusted over all lines, and below 0.05 in bold."
    )
    same = made.lines[made.lines["models"] == SAME]["row"].unique()
    if len(same):
        yield f"Every score is the same in both runs: {', '.join(same)}."
    if "same models" in set(made.lines["models"]):
        yield "Where both runs scored with the same trained models, retraining plays no part."
    if note := legend(made.lines["caution"]):
        yield note
    yield from (f"Not compared: {sentence}." for sentence in made.missing)


def _p(value: float) -> str:
    if isnan(value):
        return "unknown"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
