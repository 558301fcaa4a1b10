"""The best row of a column and the rows that are tied with it, by paired tests."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from math import isnan, nan

from mimbench.report.leaderboard.paired_differences import Standing, clearly, standing_of
from mimbench.statistics.core.estimate import Estimate

__all__ = [
    "TIED",
    "UNCLEAR",
    "UNCLEAR_IF",
    "Ranking",
    "against_control",
    "ranking",
    "ranking_notes",
]

TIED = "‡"  # beside an AUROC that is not clearly below the best one
UNCLEAR = "§"  # beside one that is not clearly above the best control
UNCLEAR_IF = ("uncertain", "not above")  # where a row stands against it


@dataclass(frozen=True)
class Ranking:
    """Which of some rows is the best, and which are as good as far as a test can tell.

    Attributes:
        best: the detector with the highest AUROC; empty where a control is as high.
        tied: those that are not clearly below it (95 %, paired).
        control: the control that is as high as every detector; empty where none is.
        untested: rows of which the difference could not be tested: their retraining is unknown.
    """

    best: str = ""
    tied: frozenset[str] = frozenset()
    control: str = ""
    untested: tuple[str, ...] = ()

    def mark(self, row: str) -> str:
        """What is said of a row: "best", "tied" or nothing."""
        return "best" if row and row == self.best else "tied" if row in self.tied else ""


def ranking(
    detectors: Mapping[str, int | None],
    controls: Mapping[str, int | None],
    values: Mapping[str, float],
    difference: Callable[[str, str], Estimate],
) -> Ranking:
    """Rank rows by AUROC.

    Args:
        detectors: by row, the side of the images that it sees, pixels; None where it is not known.
        controls: the same of controls; the best row is compared with those of its own size.
        values: AUROC by row, NaN where there is none.
        difference: paired difference between two rows, the first minus the second.
    """
    there = {row: value for row in detectors if not isnan(value := values.get(row, nan))}
    if not there:
        return Ranking()
    best = max(there, key=lambda row: there[row])
    highest = _best_control(detectors[best], controls, values)
    if highest and round(values[highest], 2) >= round(there[best], 2):  # as they are printed
        return Ranking(control=highest)
    gaps = {row: difference(best, row) for row in there if row != best}
    return Ranking(
        best,
        frozenset(row for row, gap in gaps.items() if not isnan(gap.p) and not clearly(gap)),
        untested=tuple(row for row, gap in gaps.items() if isnan(gap.p)),
    )


def against_control(
    row: str,
    size: int | None,
    controls: Mapping[str, int | None],
    values: Mapping[str, float],
    difference: Callable[[str, str], Estimate],
) -> Standing:
    """Where a detector's row stands against the best control of its size; as for `ranking`."""
    highest = _best_control(size, controls, values)
    return standing_of(difference(row, highest) if highest else None)


def _best_control(
    size: int | None, controls: Mapping[str, int | None], values: Mapping[str, float]
) -> str:
    """The highest control for rows that see images of a size, empty if there is none.

    A row whose size is not known may have seen what any control saw.
    """
    beside = {
        row: value
        for row, own in controls.items()
        if not isnan(value := values.get(row, nan)) and (None in (own, size) or own == size)
    }
    return max(beside, key=lambda row: beside[row], default="")


def ranking_notes(rankings: Iterable[tuple[str, Ranking]], shown: Set[str]) -> Iterator[str]:
    """What the marks mean, and where there are none, in sentences.

    Args:
        rankings: what each is of, in words, and the ranking.
        shown: rows of the table.
    """
    found = list(rankings)
    if any(own.best in shown for _, own in found):
        yield "Bold: the highest AUROC of a detector of the run."
    hidden = [f"{what} ({own.best})" for what, own in found if own.best and own.best not in shown]
    if hidden:
        yield f"The highest AUROC is that of a row that is not shown: {'; '.join(hidden)}."
    if any(own.tied & shown for _, own in found):
        yield (
            f"{TIED} Not clearly below the highest (95 %, paired on the same images, over patients "
            "and retraining)."
        )
    untested = dict.fromkeys(row for _, own in found for row in own.untested if row in shown)
    if untested:
        yield (
            f"Ties with {', '.join(untested)} could not be tested: part of what the difference "
            "varies by is unknown, as with fewer than three trainings."
        )
    led = [f"{what} ({own.control})" for what, own in found if own.control]
    if led:
        yield f"Nothing is bold where a control is as high as every detector: {'; '.join(led)}."
