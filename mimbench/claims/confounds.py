"""What else could explain a number: controls that do as well, a class that does not matter."""

from collections.abc import Hashable, Mapping
from typing import Any

from mimbench.claims.evidence import NotTestedError, Place, RunEvidence
from mimbench.statistics.estimate import Estimate
from mimbench.statistics.influence import paired_difference

__all__ = ["confounds"]


def confounds(evidence: RunEvidence, place: Place, alpha: float) -> tuple[str, list[str]]:
    """What else explains a number that a claim asks for.

    Returns:
        The rest of a sentence that says what does, empty if nothing that was checked does; and
        what was checked or could not be.
    """
    control = _best_control(evidence, place, 1 - alpha)
    if control is None:
        size = evidence.input_size(place.row)
        sees = f" that sees images of its size ({size} px)" if size else ""
        untested = "so what else could explain the number is untested"
        notes = [f"the run has no control row{sees}, {untested}"]
    else:
        name, lead = control
        measure = "" if place.claim.metric == "auroc" else " in balanced accuracy"
        gap = f"{lead.value:+.2f} [{lead.low:+.2f}, {lead.high:+.2f}]{measure}"
        if lead.value <= 0:
            return f"the control {name} does as well or better (difference {gap})", []
        if lead.low <= 0:
            return f"it is not clearly above the control {name} (difference {gap})", []
        notes = [f"it is above the best control, {name}, by {gap}"]
    signals = evidence.class_signal(place)
    for signal in signals.to_dict("records"):
        words, known = _swap_test(signal)
        if not known:
            return words, []
        notes.append(words)
    if signals.empty:
        notes.append("there is no swap test of this row, so class signal is untested")
    return "", notes


def _swap_test(signal: Mapping[Hashable, Any]) -> tuple[str, bool]:
    """What one swap test says, and whether it shows that the class that was learned matters."""
    swap, control = signal["swap"], signal["control"]
    words = f"{signal['value']:+.2f} [{signal['low']:+.2f}, {signal['high']:+.2f}]"
    if signal["low"] <= 0:
        return f"it is not clearly above itself when fitted on {swap} (swap test {words})", False
    if signal["value"] <= signal["null_limit"]:  # false where one seed leaves it unknown
        return (
            f"fitting on {swap} instead changes no more than another seed does (swap test {words}, "
            f"retraining alone moves it by up to {signal['null_limit']:.2f})"
        ), False
    if control and signal["over_low"] <= 0:
        lead = (
            f"{signal['over_control']:+.2f} [{signal['over_low']:+.2f}, {signal['over_high']:+.2f}]"
        )
        return (
            f"fitting on {swap} instead changes it by no clearly more than it changes the control "
            f"{control} (swap test {words}, beyond the control's {lead})"
        ), False
    few = f"; {signal['note']}" if signal["note"] else ""
    return f"it is above itself when fitted on {swap} (swap test {words}{few})", True


def _best_control(evidence: RunEvidence, place: Place, level: float) -> tuple[str, Estimate] | None:
    """The control of the row's size with the highest number, and the row's lead over it."""
    numbers = {}
    for control in evidence.controls(place.row):
        try:
            numbers[control] = evidence.standing(place, control)
        except NotTestedError:
            continue  # a failed control controls nothing
    if not numbers:
        return None
    best = max(numbers, key=lambda name: float(numbers[name].value[0]))
    return best, paired_difference(evidence.standing(place), numbers[best], level)[0]
