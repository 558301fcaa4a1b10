"""From numbers to a verdict on each claim, and what would have to be known to settle it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import nan

from mimbench.claims.confounds import confounds
from mimbench.claims.evidence import NotTestedError, Place, RunEvidence
from mimbench.claims.settling import more_patients, open_question
from mimbench.claims.statement import Claim, ClaimsFile
from mimbench.scores import RunTables
from mimbench.statistics.cautions import area_cautions, difference_cautions
from mimbench.statistics.comparisons import holm
from mimbench.statistics.influence import Influence, combine

__all__ = ["CLEAN_FLOOR", "Verdict", "verify"]

CLEAN_FLOOR = 0.60  # below it there is nothing to lose
ONE_FIT = (
    "This is one split and one training; how much another would change is not in the interval."
)


@dataclass(frozen=True)
class Verdict:
    """What a run says about one claim for one row.

    Attributes:
        claim: its id.
        row: the row that it is judged for.
        relation: of the other images to the target's source; empty if not tested.
        headline: whether this row is the one the claims file fixed beforehand.
        statement: the claim in words.
        verdict: "supported", "refuted", "inconclusive", "confounded" or "not tested".
        effect: what was measured, in words.
        value, low, high: the effect with its 95 % interval, unadjusted.
        threshold: what the claim says the effect reaches.
        p: two-sided, "the effect is exactly at the threshold", Holm-adjusted over the file.
        target_patients, other_patients: on the two sides.
        more_target_patients: how many more of them would settle it, others in proportion, if the
            effect stays as it is and the interval narrows with the square root of the number;
            NaN where it is settled or no number would.
        explanation: why this verdict, in a sentence.
        caution: why the interval covers less than it says; empty if it does not.
    """

    claim: str
    row: str
    relation: str
    headline: bool
    statement: str
    verdict: str
    effect: str = ""
    value: float = nan
    low: float = nan
    high: float = nan
    threshold: float = nan
    p: float = nan
    target_patients: int = 0
    other_patients: int = 0
    more_target_patients: float = nan
    explanation: str = ""
    caution: str = ""


@dataclass(frozen=True)
class _Finding:
    """The test of one claim at one place.

    Attributes:
        above, below: one-sided p-values of "at most the threshold" and "at least".
        obstacle: why the claim cannot hold whatever the effect; empty otherwise.
        caution: why the interval covers less than it says; empty if it does not.
    """

    place: Place
    effect: str
    value: float
    low: float
    high: float
    threshold: float
    above: float
    below: float
    patients: tuple[int, int]
    obstacle: str = ""
    caution: str = ""

    @property
    def p(self) -> float:
        return min(1.0, 2 * min(self.above, self.below))


def verify(tables: RunTables, claims: ClaimsFile) -> list[Verdict]:
    """Judge every claim: for each of its rows, and each relation to the target's source.

    Supported: the effect is beyond the threshold, Holm-adjusted over the whole file, the row is
    clearly above the best control of the same images, and a swap test, if there is one, shows
    that the score depends on the class that was learned. Confounded: one of these two fails.
    Refuted: the effect is clearly on the other side. What a run cannot test stays in the family.

    Args:
        tables: the three tables of a run.
        claims: of `read_claims`.

    Returns:
        One verdict per claim, row and relation, in the order of the file.
    """
    evidence = RunEvidence(tables)
    found = [entry for claim in claims.claim for entry in _findings(evidence, claim)]
    p = [entry.p if isinstance(entry, _Finding) and not entry.obstacle else nan for entry in found]
    adjusted = holm(p)
    return [
        _verdict(evidence, entry, float(own), claims.alpha, len(found))
        if isinstance(entry, _Finding)
        else entry
        for entry, own in zip(found, adjusted, strict=True)
    ]


def _findings(evidence: RunEvidence, claim: Claim) -> Iterable["_Finding | Verdict"]:
    for row in claim.rows:
        try:
            places = [Place(claim, row, relation) for relation in evidence.relations(claim)]
        except NotTestedError as reason:
            yield _not_tested(Place(claim, row, ""), str(reason))
            continue
        for place in places:
            try:
                yield _finding(evidence, place)
            except NotTestedError as reason:
                yield _not_tested(place, str(reason))


def _finding(evidence: RunEvidence, place: Place) -> _Finding:
    claim = place.claim
    if claim.kind == "at_least":
        return _at_least(evidence, place)
    if claim.kind == "degrades_less":
        findings = [_degrades_less(evidence, place, other) for other in claim.against]
    elif claim.kind == "needs_no_known":
        findings = [_gain(evidence, place, other) for other in claim.against]
        findings += [_compared(evidence, place, other) for other in claim.against]
    else:
        findings = [_compared(evidence, place, other) for other in claim.against]
    # All must hold, so the weakest decides (no adjustment: an intersection-union test). Any that
    # clearly fails refutes, which is one of several chances and is adjusted.
    weakest = min(findings, key=lambda finding: finding.value - finding.threshold)
    return replace(
        weakest,
        above=max(finding.above for finding in findings),
        below=min(1.0, min(finding.below for finding in findings) * len(findings)),
        obstacle=next((finding.obstacle for finding in findings if finding.obstacle), ""),
    )


def _at_least(evidence: RunEvidence, place: Place) -> _Finding:
    number, bound = evidence.number(place), place.claim.bound or 0.0
    low, high = number.area_interval()
    above = float(number.area_p_above(bound)[0])
    metric = "AUROC" if place.claim.metric == "auroc" else place.claim.metric
    return _Finding(
        place,
        f"{metric} of {place.row}",
        float(number.area[0]),
        float(low[0]),
        float(high[0]),
        bound,
        above,
        1 - above,
        _patients(number),
        caution=area_cautions(number.area, *number.patients)[0],
    )


def _compared(evidence: RunEvidence, place: Place, other: str) -> _Finding:
    terms = [evidence.number(place), evidence.number(place, other)]
    effect = f"AUROC of {place.row} minus that of {other}"
    return _difference(place, effect, terms, [1, -1], 0.0 - (place.claim.margin or 0.0))


def _gain(evidence: RunEvidence, place: Place, other: str) -> _Finding:
    effect, every, few = evidence.with_all_and_few_known(place, other)
    return _difference(place, effect, [every, few], [1, -1], 0.0)


def _degrades_less(evidence: RunEvidence, place: Place, other: str) -> _Finding:
    clean, corrupted = evidence.clean(place), evidence.number(place)
    other_clean, other_corrupted = evidence.clean(place, other), evidence.number(place, other)
    for row, number in ((place.row, clean), (other, other_clean)):
        low = float(number.area_interval()[0][0])
        if low <= CLEAN_FLOOR:
            raise NotTestedError(
                f"the clean AUROC of {row} is {number.area[0]:.2f} with a lower end of {low:.2f}; "
                f"where it is not above {CLEAN_FLOOR:.2f} there is nothing to lose"
            )
    terms = [corrupted, clean, other_corrupted, other_clean]
    effect = f"AUROC drop of {other} minus that of {place.row}"
    finding = _difference(place, effect, terms, [1, -1, -1, 1], 0.0)
    if corrupted.value[0] < other_corrupted.value[0]:
        reason = (
            f"the corrupted AUROC of {place.row}, {corrupted.value[0]:.2f}, is below that of "
            f"{other}, {other_corrupted.value[0]:.2f}: a smaller drop would be no merit"
        )
        return replace(finding, obstacle=reason)
    return finding


def _difference(
    place: Place,
    effect: str,
    terms: Sequence[Influence],
    weights: Sequence[float],
    threshold: float,
) -> _Finding:
    difference = combine(terms, weights)
    areas = [term.value for term in terms]
    low, high = difference.difference_interval()
    mirrored = difference.mix([[-1.0]])
    return _Finding(
        place,
        effect,
        float(difference.value[0]),
        float(low[0]),
        float(high[0]),
        threshold,
        float(difference.difference_p_above(threshold)[0]),
        float(mirrored.difference_p_above(-threshold)[0]),
        _patients(difference),
        caution=difference_cautions(areas, difference.fewest_patients)[0],
    )


def _verdict(
    evidence: RunEvidence, finding: _Finding, p: float, alpha: float, family: int
) -> Verdict:
    claim = finding.place.claim
    verdict = Verdict(
        claim=claim.id,
        row=finding.place.row,
        relation=finding.place.relation,
        headline=finding.place.row == claim.rows[0],
        statement=claim.statement,
        verdict="inconclusive",
        effect=f"{finding.effect}, {_scope(evidence, finding.place)}",
        value=finding.value,
        low=finding.low,
        high=finding.high,
        threshold=finding.threshold,
        p=p,
        target_patients=finding.patients[0],
        other_patients=finding.patients[1],
        caution=finding.caution,
    )
    if finding.obstacle:
        return replace(
            verdict, verdict="not tested", p=nan, explanation=_sentence(finding.obstacle)
        )
    if p >= alpha:
        more = more_patients(
            finding.value,
            finding.low,
            finding.high,
            finding.threshold,
            finding.patients[0],
            family,
            alpha,
        )
        return replace(verdict, more_target_patients=more, explanation=open_question(more))
    luck = f" {ONE_FIT}" * evidence.one_fit(finding.place)
    if finding.below < finding.above:
        reason = "The effect is clearly below what is claimed."
        return replace(verdict, verdict="refuted", explanation=reason + luck)
    confound, notes = confounds(evidence, finding.place, alpha)
    if confound:
        explanation = f"The number is reached, but {confound}.{luck}"
        return replace(verdict, verdict="confounded", explanation=explanation)
    explanation = " ".join(map(_sentence, notes)) + luck
    return replace(verdict, verdict="supported", explanation=explanation)


def _scope(evidence: RunEvidence, place: Place) -> str:
    """Over which images, under which condition."""
    claim = place.claim
    images = claim.category or f"{claim.role} categories"
    parts = [f"{images}, {place.relation.replace('-', ' ')}"]
    if claim.metric == "sensitivity":
        relation = "" if claim.role == "external" else f", {place.relation.replace('-', ' ')}"
        parts = [f"{claim.role} images of the target{relation}"]
    parts += [f"images from {', '.join(claim.sources)}"] * bool(claim.sources)
    parts += [f"{column} {value}" for column, value in claim.where.items()]
    corruptions = evidence.corruptions(claim)
    condition = f"under {', '.join(corruptions)}" if corruptions else "clean"
    if corruptions and claim.protocol == "target-only":
        condition += " on the target alone"
    return ", ".join([*parts, condition, evidence.fits(place)])


def _not_tested(place: Place, reason: str) -> Verdict:
    claim = place.claim
    return Verdict(
        claim.id,
        place.row,
        place.relation,
        place.row == claim.rows[0],
        claim.statement,
        "not tested",
        explanation=_sentence(reason),
    )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _patients(number: Influence) -> tuple[int, int]:
    target, other = (int(side[0]) for side in number.patients)
    return target, other
