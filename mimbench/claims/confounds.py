"""What else could explain a number: controls that do as well, a class that does not matter."""

import numpy as np

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
        notes = ["the run has no control row, so what else could explain the number is untested"]
    else:
        name, own = control
        gap = f"{own.value:+.2f} [{own.low:+.2f}, {own.high:+.2f}]"
        if own.low <= 0:
            return f"the control {name} does about as well (difference {gap})", []
        notes = [f"it is above the best control, {name}, by {gap}"]
    signals = evidence.class_signal(place)
    for signal in signals.to_dict("records"):
        null = 2 * signal["null_sd"] if np.isfinite(signal["null_sd"]) else 0.0
        words = f"{signal['value']:+.2f} [{signal['low']:+.2f}, {signal['high']:+.2f}]"
        if signal["low"] <= 0 or signal["value"] <= null:
            return f"fitted on {signal['swap']} instead it does as well (swap test {words})", []
        few = "" if signal["seeds"] >= 3 else f", over {signal['seeds']} seeds only"
        notes.append(f"fitted on {signal['swap']} instead it does worse (swap test {words}{few})")
    if signals.empty:
        notes.append("there is no swap test of this row, so class signal is untested")
    return "", notes


def _best_control(evidence: RunEvidence, place: Place, level: float) -> tuple[str, Estimate] | None:
    """The control with the highest number, and the row's lead over it."""
    numbers = {}
    for control in evidence.controls:
        if control != place.row:
            try:
                numbers[control] = evidence.standing(place, control)
            except NotTestedError:
                continue  # a failed control controls nothing
    if not numbers:
        return None
    best = max(numbers, key=lambda name: float(numbers[name].value[0]))
    return best, paired_difference(evidence.standing(place), numbers[best], level)[0]
