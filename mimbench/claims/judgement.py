"""From numbers to a verdict on each claim, and what would have to be known to settle it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isinf, isnan, nan

import numpy as np

from mimbench.claims.confounds import explanations
from mimbench.claims.evidence import Place, RunEvidence
from mimbench.claims.finding import Finding, find
from mimbench.claims.sample_size import more_patients, open_question
from mimbench.claims.statement import Claim, ClaimsFile
from mimbench.claims.untested import NotTestedError, together
from mimbench.claims.verdict import Verdict
from mimbench.scores.tables import RunTables
from mimbench.statistics.run.comparisons import holm_factors
from mimbench.statistics.run.variance import varies_by
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS

__all__ = ["verify"]


@dataclass(frozen=True)
class _Untested:
    """A claim that was not tested at one place, for what the run lacks.

    Attributes:
        reasons: all that the run lacks, each within a sentence.
        remedy: what to add to the run's command; empty where no flag would do.
        p: it does not count in the family.
    """

    place: Place
    reasons: tuple[str, ...]
    remedy: str = ""
    p: float = nan


def verify(tables: RunTables, claims: ClaimsFile) -> list[Verdict]:
    """Judge every claim: for each of its rows, and each relation to the target's source.

    Supported: the effect is beyond the threshold over patients and retraining, Holm-adjusted over
    the claims of the file that the run can test; the row is clearly above every control of its
    input size on the same images; and, if the row learned the target alone, the swap test on the
    claim's images shows that its score depends on the class that was learned, beyond retraining
    and beyond every control that learned the target.
    Confounded: one of the last two fails.
    Inconclusive: the effect is on neither side clearly; or a row has too few trainings to say how
    much retraining moves it (three of one fold are needed, or two in each of two folds), or a line
    whose part is unknown; or a test is missing that a supported claim needs: no control in the
    run, a control without a number, no swap test of the row or of a control, or one of which a
    fit failed or part of the variance is unknown.
    Refuted: the effect is clearly on the other side. Not reproduced: the same, where the threshold
    is somebody's estimate.

    Args:
        tables: the three tables of a run.
        claims: of `read_claims`.

    Returns:
        One verdict per claim, row and relation, in the order of the file.
    """
    evidence = RunEvidence(tables)
    found = [entry for claim in claims.claim for entry in _findings(evidence, claim)]
    p = np.asarray([entry.p for entry in found])
    tested = ~np.isnan(p)
    factors = np.full(len(found), nan)
    factors[tested] = holm_factors(p[tested])
    return [
        _verdict(evidence, entry, float(factor), claims.alpha)
        if isinstance(entry, Finding)
        else _not_tested(entry)
        for entry, factor in zip(found, factors, strict=True)
    ]


def _findings(evidence: RunEvidence, claim: Claim) -> Iterable[Finding | _Untested]:
    for row in claim.rows:
        try:
            if row not in evidence.rows:
                raise evidence.lacking(row)
            places = [Place(claim, row, relation) for relation in evidence.relations(claim)]
        except NotTestedError as error:
            yield _untested(evidence, Place(claim, row, ""), error)
            continue
        for place in places:
            try:
                yield find(evidence, place)
            except NotTestedError as error:
                yield _untested(evidence, place, error)


def _untested(evidence: RunEvidence, place: Place, first: NotTestedError) -> _Untested:
    """A claim that was not tested, with what was found first and all else that the run lacks."""
    gaps = [first, *evidence.gaps(place.claim, place.row)]
    reasons = tuple(dict.fromkeys(str(gap) for gap in gaps))
    return _Untested(place, reasons, together(gap.remedy for gap in gaps))


def _verdict(evidence: RunEvidence, finding: Finding, factor: float, alpha: float) -> Verdict:
    """The verdict on a test whose p the family multiplies by `factor`."""
    place, claim = finding.place, finding.place.claim
    target, other = (int(side[0]) for side in finding.number.patients.patients)
    if claim.metric == "specificity":  # a share is of one side, which stands first
        target, other = other, target
    verdict = Verdict(
        claim=claim.id,
        row=place.row,
        relation=place.relation,
        headline=place.row == claim.rows[0],
        statement=claim.statement,
        verdict="inconclusive",
        effect=f"{finding.effect}, {_scope(evidence, place)}",
        value=finding.value,
        low=finding.low,
        high=finding.high,
        threshold=finding.threshold,
        p=float(np.minimum(1.0, factor * finding.p)),
        target_patients=target,
        other_patients=other,
        few_patients=_few_patients(evidence, claim, target, other),
        caution=finding.caution,
    )
    if finding.obstacle:
        return _judged(verdict, "not tested", [finding.obstacle], p=nan)
    if not verdict.p < alpha:  # NaN too
        return _open(evidence, finding, verdict, factor, alpha)
    if not finding.above(1.0) <= finding.below(1.0):
        word = "not reproduced" if claim.bound_is == "estimate" else "refuted"
        reasons = ["the effect is clearly below what is claimed"]
        if claim.bound_is == "estimate":
            reasons = ["the number is clearly below the estimate, which is of other images"]
        reasons += evidence.conditions(place)
        return _judged(verdict, word, reasons)
    found = explanations(evidence, place, alpha)
    if found.confounds:
        word, reasons = "confounded", [f"the number is reached, but {found.confounds[0]}"]
    elif found.missing:
        word, reasons = "inconclusive", [f"the number is reached, but {found.missing[0]}"]
        reasons += found.missing[1:]
    else:
        word, reasons = "supported", list(found.notes)
    reasons += evidence.conditions(place)
    return _judged(verdict, word, reasons)


def _open(
    evidence: RunEvidence, finding: Finding, verdict: Verdict, factor: float, alpha: float
) -> Verdict:
    """An inconclusive verdict, with what would settle it and what would still confound it."""
    besides = ""
    if finding.value > finding.threshold:
        confounds = explanations(evidence, finding.place, alpha).confounds
        besides = f"Besides, {confounds[0]}." if confounds else ""
    if unknown := finding.gaps.sentences():
        of_patients = isnan(finding.number.retraining[0][0])  # the interval is
        if of_patients and verdict.low <= verdict.threshold <= verdict.high:
            unknown.insert(
                0,
                "more patients are needed: the interval over patients contains "
                f"{verdict.threshold + 0.0:g}",
            )
        return _judged(verdict, "inconclusive", [*unknown, *filter(None, [besides])])
    more = more_patients(
        lambda patients: factor * finding.p_with(patients),
        verdict.target_patients or verdict.other_patients,
        alpha,
    )
    distance, own = abs(finding.value - finding.threshold), finding.number.patients
    by_patients = float(varies_by(own.variance, own.df)[0])
    at_threshold = distance < 1e-9
    limit = 0.0 if at_threshold else float(varies_by(*finding.number.retraining)[0])
    shown = nan if isinf(more) else more
    alone = verdict.low > verdict.threshold or verdict.high < verdict.threshold
    why = "The interval is of this comparison alone; p is adjusted for all of them. " * alone
    return verdict.model_copy(
        update={
            "more_target_patients": shown,
            "explanation": (
                f"{why}{open_question(more, limit, by_patients, distance)} {besides}".rstrip()
            ),
        }
    )


def _few_patients(evidence: RunEvidence, claim: Claim, target: int, other: int) -> str:
    """That hardly any patient was tested, and what to do; empty if enough were."""
    sides = {"target": target, "other": other}
    few = [side for side, n in sides.items() if 0 < n < FEWEST_PATIENTS]  # a share is of one side
    if not few:
        return ""
    at_home = claim.role != "external" or claim.metric == "auroc"
    split = evidence.folds == 1 and at_home and max(2, target) < evidence.target_patients
    more = "--folds 3 tests all target patients" if split and "target" in few else ""
    told = f"Fewer than {FEWEST_PATIENTS} {' or '.join(few)} patients show little"
    return f"{told}; {more or 'more photos are needed'}."


def _judged(verdict: Verdict, word: str, reasons: Iterable[str], **more: float) -> Verdict:
    return verdict.model_copy(update={"verdict": word, "explanation": _sentences(reasons), **more})


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
    return ", ".join([*parts, evidence.condition(claim), evidence.fits(place)])


def _not_tested(entry: _Untested) -> Verdict:
    place, claim = entry.place, entry.place.claim
    return Verdict(
        claim=claim.id,
        row=place.row,
        relation=place.relation,
        headline=place.row == claim.rows[0],
        statement=claim.statement,
        verdict="not tested",
        explanation=_sentences(entry.reasons),
        remedy=entry.remedy,
    )


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(f"{words[0].upper()}{words[1:].rstrip('.')}." for words in parts)
