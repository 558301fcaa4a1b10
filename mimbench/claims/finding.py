"""The test of one claim at one place: an effect, its threshold, and p-values on either side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mimbench.claims.evidence import Place, RunEvidence
from mimbench.claims.untested import NotTestedError
from mimbench.statistics.core.cautions import difference_cautions
from mimbench.statistics.run.uncertainty import Measured, paired_difference

__all__ = ["CLEAN_FLOOR", "Finding", "find"]

CLEAN_FLOOR = 0.60  # below it a score can hardly fall


@dataclass(frozen=True)
class Finding:
    """The test of one claim at one place.

    Attributes:
        number: the effect, with all that it varies by.
        above, below: one-sided p-values of "at most the threshold" and "at least", as functions of
            how many times as many patients there are; NaN where a source of variance is unknown.
        gaps: what of the variance is unknown.
        obstacle: why the claim cannot hold whatever the effect; empty otherwise.
        caution: why the interval covers less than it says; empty if it does not.
    """

    place: Place
    effect: str
    number: Measured
    low: float
    high: float
    threshold: float
    above: Callable[[float], float]
    below: Callable[[float], float]
    gaps: "Gaps"
    obstacle: str = ""
    caution: str = ""

    @property
    def value(self) -> float:
        """The effect."""
        return float(self.number.value[0])

    @property
    def p(self) -> float:
        """Two-sided; 1 with an obstacle, NaN where neither side can be tested."""
        return 1.0 if self.obstacle else self.p_with(1.0)

    def p_with(self, more: float) -> float:
        """The same with so many times the patients, without obstacle."""
        sides = [side for side in (self.above(more), self.below(more)) if not isnan(side)]
        return min(1.0, 2 * min(sides)) if sides else nan


@dataclass(frozen=True)
class Gaps:
    """What of the variance of a finding is unknown.

    Attributes:
        few: rows with too few trainings.
        others: what else, each a sentence with its row.
        missing: comparisons that were not made, and why.
    """

    few: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[str], numbers: Sequence[Measured]) -> Self:
        """What is unknown of the numbers of these rows."""
        pairs = list(zip(rows, numbers, strict=True))
        return cls(
            few=tuple(row for row, number in pairs if np.isnan(number.retraining[0][0])),
            others=tuple(
                f"part of the variance of {row} is unknown ({number.patients.unknown[0]})"
                for row, number in pairs
                if any(number.patients.unknown)
            ),
        )

    @classmethod
    def of_all(cls, gaps: Iterable["Gaps"], missing: tuple[str, ...]) -> Self:
        """Those of several findings together, each row once."""
        several = list(gaps)
        few = dict.fromkeys(row for own in several for row in own.few)
        others = dict.fromkeys(text for own in several for text in own.others)
        return cls(tuple(few), tuple(others), missing)

    def sentences(self) -> list[str]:
        """What is unknown, with its remedy; nothing if all is known."""
        found = []
        if self.few:
            found.append(
                f"three trainings (seeds) of {', '.join(self.few)} are needed: with fewer, the "
                "number is of these trained models alone"
            )
        found += self.others
        if self.missing:
            found.append(f"not every comparison was made: {'; '.join(self.missing)}")
        return found


def find(evidence: RunEvidence, place: Place) -> Finding:
    """Test a claim at one place.

    A claim against several rows holds if it holds against each. A row that the run lacks, or that
    failed, is an unknown: the claim can be refuted by the others, and never be supported.

    Raises:
        NotTestedError: the run lacks what the claim speaks of.
    """
    claim = place.claim
    if claim.kind == "at_least":
        return _at_least(evidence, place)
    tests = _TESTS.get(claim.kind, (_compared,))
    found, missing = zip(*(_against(evidence, place, test) for test in tests), strict=True)
    reasons = dict.fromkeys(reason for part in missing for reason in part)
    return _all_of([finding for part in found for finding in part], tuple(reasons))


def _against(evidence: RunEvidence, place: Place, test: "_Test") -> tuple[list[Finding], list[str]]:
    """One test against each row that the claim names, and why some could not be made."""
    found: list[Finding] = []
    missing: list[NotTestedError] = []
    for other in place.claim.against:
        try:
            found.append(test(evidence, place, other))
        except NotTestedError as reason:
            missing.append(reason)
    if not found:
        raise missing[0]
    return found, [str(reason) for reason in missing]


def _all_of(findings: Sequence[Finding], missing: tuple[str, ...]) -> Finding:
    """The test that all hold; the one that holds least clearly stands for them.

    Above: the largest p decides, without adjustment (an intersection-union test), and none does
    where a test is missing. Below: any that clearly fails refutes, which is one of several chances
    and is adjusted.
    """

    def above(more: float) -> float:
        if missing:
            return nan
        return float(np.max([finding.above(more) for finding in findings]))  # NaN if one is

    def below(more: float) -> float:
        sides = [p for finding in findings if not isnan(p := finding.below(more))]
        return min(1.0, min(sides) * len(findings)) if sides else nan

    hindered = [finding for finding in findings if finding.obstacle]
    weakest = max(hindered or findings, key=_doubt)
    return replace(
        weakest,
        above=above,
        below=below,
        gaps=Gaps.of_all((finding.gaps for finding in findings), missing),
    )


def _doubt(finding: Finding) -> tuple[bool, float, float]:
    """How far a finding is from holding: unknown first, then by p as printed, then by distance."""
    p = finding.above(1.0)
    return isnan(p), 0.0 if isnan(p) else round(p, 3), finding.threshold - finding.value


def _at_least(evidence: RunEvidence, place: Place) -> Finding:
    number, bound = evidence.number(place), place.claim.bound or 0.0
    shown = number.area_estimates()[0]

    def above(more: float) -> float:
        return float(number.area_p_above(bound, more)[0])

    return Finding(
        place,
        f"{'AUROC' if place.claim.metric == 'auroc' else place.claim.metric} of {place.row}",
        number,
        shown.low,
        shown.high,
        bound,
        above,
        lambda more: 1 - above(more),
        Gaps.of((place.row,), (number,)),
        caution=shown.caution,
    )


def _compared(evidence: RunEvidence, place: Place, other: str) -> Finding:
    pair = evidence.number(place), evidence.number(place, other)
    effect = f"AUROC of {place.row} minus that of {other}"
    gaps = Gaps.of((place.row, other), pair)
    return _difference(place, effect, pair, -(place.claim.margin or 0.0), gaps)


def _gain(evidence: RunEvidence, place: Place, other: str) -> Finding:
    effect, every, few = evidence.with_all_and_few_known(place, other)
    gain = every.minus(few, alike=True)
    gaps = Gaps.of((other,), (gain,))
    return _difference(place, effect, (every, few), 0.0, gaps, alike=True)


def _degrades_less(evidence: RunEvidence, place: Place, other: str) -> Finding:
    clean, corrupted = evidence.clean(place), evidence.number(place)
    other_clean, other_corrupted = evidence.clean(place, other), evidence.number(place, other)
    drops = other_clean.minus(other_corrupted), clean.minus(corrupted)
    lost, own = (_change(float(drop.value[0])) for drop in drops)
    effect = f"{place.row} {own} of AUROC and {other} {lost}; advantage of the first"
    gaps = Gaps.of((other, place.row), drops)
    areas = [term.value for term in (clean, corrupted, other_clean, other_corrupted)]
    finding = _difference(place, effect, drops, 0.0, gaps, reach=2.0, areas=areas)
    shown = {row: number.area_estimates()[0]
             for row, number in ((place.row, clean), (other, other_clean))}  # fmt: skip
    near_chance = {row: own for row, own in shown.items() if not own.low > CLEAN_FLOOR}
    if near_chance:
        told = [
            f"{row} has {own.value:.2f} [{own.low:.2f}, {own.high:.2f}]"
            for row, own in near_chance.items()
        ]
        areas_of = {row: own.value for row, own in near_chance.items()}
        reason = (
            "robustness is judged only where the clean AUROC of both rows has its lower end above "
            f"{CLEAN_FLOOR:.2f}; {', '.join(told)}{_way_out(areas_of, place.row)}"
        )
        return replace(finding, obstacle=reason)
    if corrupted.value[0] < other_corrupted.value[0]:
        reason = (
            f"the corrupted AUROC of {place.row}, {corrupted.value[0]:.2f}, is below that of "
            f"{other}, {other_corrupted.value[0]:.2f}, so a smaller drop is not evidence of "
            "robustness"
        )
        return replace(finding, obstacle=reason)
    return finding


def _change(drop: float) -> str:
    """E.g. "loses 0.045"; a negative drop is a gain."""
    text = f"{abs(drop):.3f}"
    return f"gains {text}" if drop < 0 and float(text) else f"loses {text}"


def _way_out(near_chance: Mapping[str, float], row: str) -> str:
    """What could make a claim on rows near chance testable, as a further sentence.

    Args:
        near_chance: AUROC by row.
        row: that the claim is about.
    """
    if any(not area > CLEAN_FLOOR for name, area in near_chance.items() if name != row):
        return ". It cannot be tested against a row near chance"
    if near_chance.get(row, 1.0) > CLEAN_FLOOR:
        return ". More patients may make it testable"
    return ". Only a better detector makes it testable; longer training may give one"


def _difference(
    place: Place,
    effect: str,
    pair: tuple[Measured, Measured],
    threshold: float,
    gaps: "Gaps",
    *,
    alike: bool = False,
    reach: float = 1.0,
    areas: Sequence[NDArray[np.float64]] = (),
) -> Finding:
    """The test that the first of the pair minus the second is above the threshold."""
    first, second = pair
    number = first.minus(second, alike=alike)
    shown = paired_difference(first, second, reach=reach, alike=alike)[0]
    few = difference_cautions(areas or [first.value, second.value], number.patients.fewest_patients)
    return Finding(
        place,
        effect,
        number,
        shown.low,
        shown.high,
        threshold,
        lambda more: float(number.difference_p_above(threshold, more)[0]),
        lambda more: float(number.difference_p_below(threshold, more)[0]),
        gaps,
        caution=few[0] if number.known[0] else shown.caution,
    )


_Test = Callable[[RunEvidence, Place, str], Finding]
_TESTS: Mapping[str, Sequence[_Test]] = {
    "degrades_less": (_degrades_less,),
    "needs_no_known": (_gain, _compared),
}
