"""What else could explain a number: controls that do as well, a class that does not matter.

A test that was not made never counts as passed. What it would take is named as missing.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from mimbench.claims.evidence import Place, RunEvidence
from mimbench.claims.swap_tests import SwapTest
from mimbench.claims.untested import NotTestedError
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.run.controls import weakest_lead
from mimbench.statistics.run.uncertainty import paired_difference
from mimbench.text import signed

__all__ = ["Explanations", "explanations"]


@dataclass(frozen=True)
class Explanations:
    """What else explains a number that a claim asks for; each is the rest of a sentence.

    Attributes:
        confounds: what does.
        missing: what might, since its test could not be made.
        notes: what was checked and does not.
    """

    confounds: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Explanations") -> "Explanations":
        """Both together."""
        return Explanations(
            self.confounds + other.confounds,
            self.missing + other.missing,
            self.notes + other.notes,
        )


def explanations(evidence: RunEvidence, place: Place, alpha: float) -> Explanations:
    """Compare a row with every control, and with itself when fitted on another category."""
    return _controls(evidence, place, alpha) + _swap_tests(evidence, place, alpha)


def _controls(evidence: RunEvidence, place: Place, alpha: float) -> Explanations:
    """Whether the row is clearly above every control of its size: the weakest lead decides."""
    leads: dict[str, Estimate] = {}
    failed = []
    for control in evidence.controls(place.row):
        try:
            pair = evidence.standing(place), evidence.standing(place, control)
        except NotTestedError as reason:
            failed.append(f"the control {control} has no number ({str(reason).rstrip('.')})")
        else:
            leads[control] = paired_difference(*pair, 1 - alpha)[0]
    if not leads and not failed:
        size = evidence.input_size(place.row)
        sees = f" that sees images of its size ({size} px)" if size else ""
        return Explanations(missing=(f"the run has no control row{sees} to compare it with",))
    found = Explanations(missing=tuple(failed))
    if not leads:
        return found
    name = weakest_lead(leads, alpha)
    lead = leads[name]
    measure = "" if place.claim.metric == "auroc" else " in balanced accuracy"
    gap = f"{_signed(lead.value, lead.low, lead.high)}{measure}"
    if lead.value <= 0:
        words = f"{place.row} does not beat the control {name} (difference {gap})"
        return found + Explanations(confounds=(words,))
    if isnan(lead.p):
        words = (
            f"how much the lead over the control {name} varies is unknown ({gap}; {lead.caution})"
        )
        return found + Explanations(missing=(words,))
    if lead.p < alpha:
        words = f"it is above every control, the best of which is {name}, by {gap}"
        return found + Explanations(notes=(words,))
    words = f"{place.row} is not clearly above the control {name} (difference {gap})"
    return found + Explanations(confounds=(words,))


def _swap_tests(evidence: RunEvidence, place: Place, alpha: float) -> Explanations:
    """Whether the class that was learned matters, beyond retraining and beyond any control."""
    asked, tests = evidence.asks_for_swap(place), evidence.swap_tests(place, alpha)
    if not asked and all(test.line is None for test in tests):
        words = (
            "it has no swap test: it learned other categories too, or the tables do not say "
            "what it learned"
        )
        return Explanations(notes=(words,))
    if not tests:
        words = (
            f"no swap test shows that {place.row} knows its class (run it with --swap and a known "
            "category of the target's source)"
        )
        return Explanations(missing=(words,))
    found = Explanations()
    for test in tests:
        found += _swap_test(place.row, test, alpha)
    return found


def _swap_test(row: str, test: SwapTest, alpha: float) -> Explanations:
    """What one swap test says, and what of it is missing."""
    found = Explanations(missing=test.failed)
    if test.line is None:
        if test.failed:
            return found
        words = f"there is no swap test of {row} on {test.swap} that shows the claim's images"
        return Explanations(missing=(words,))
    line = test.line
    if isnan(line["value"]):
        words = f"the swap test of {row} on {test.swap} failed ({line['reason']})"
        return found if test.failed else Explanations(missing=(words,))
    if line["not_compared"] and not test.failed:
        words = (
            f"the swap test on {test.swap} lacks these controls, of which fits on it have no "
            f"scores: {line['not_compared']}"
        )
        found += Explanations(missing=(words,))
    return found + _class_signal(row, test, line, alpha)


def _class_signal(
    row: str, test: SwapTest, line: Mapping[Hashable, Any], alpha: float
) -> Explanations:
    """Whether a class signal is clearly above 0, and above that of controls."""
    swap, on = test.swap, f" on {test.where}" * bool(test.where)
    words = f"swap test{on} {_signed(line['value'], line['low'], line['high'])}"
    if isnan(line["p"]):
        why = f"the swap test on {swap} is open ({line['note'] or line['caution']})"
        return Explanations(missing=(why,))
    if not (line["value"] > 0 and line["p"] < alpha):
        words = f"{row} is not clearly above itself when fitted on {swap} ({words})"
        return Explanations(confounds=(words,))
    if line["control"]:
        lead = _signed(line["over_control"], line["over_low"], line["over_high"])
        if isnan(line["over_p"]):
            why = (
                f"how much the class signal of the control {line['control']} varies is unknown "
                f"({line['over_caution']})"
            )
            return Explanations(missing=(why,))
        if not (line["over_control"] > 0 and line["over_p"] < alpha):
            why = (
                f"fitting on {swap} instead changes {row} by no clearly more than it changes the "
                f"control {line['control']} ({words}, beyond the control's {lead})"
            )
            return Explanations(confounds=(why,))
    return Explanations(notes=(f"it is above itself when fitted on {swap} ({words})",))


def _signed(value: float, low: float, high: float) -> str:
    """A difference with its interval, e.g. "+0.05 [-0.01, +0.11]"."""
    return f"{signed(value)} [{signed(low)}, {signed(high)}]"
