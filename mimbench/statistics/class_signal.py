"""The swap test: does a one-class detector know its class, or only that something is skin?

The same recipe is fitted on another category of the same source with equally many images, and both
fits score the same test images, the swap category left out. *Class signal* is the paired difference
of the AUROCs, target fit minus swap fit; near 0, the score does not depend on which class was
learned. A control may have a signal too, of what its class's pictures have in common besides
lesions: what a detector shows above that is its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mimbench.scores import RunTables
from mimbench.statistics.cautions import difference_cautions
from mimbench.statistics.comparisons import Quantity, RunAurocs
from mimbench.statistics.influence import Influence, combine, paired_difference

__all__ = ["CLASS_SIGNAL_COLUMNS", "SEEDS", "class_signal_table"]

SEEDS = 3  # that it takes to say how much the seed alone moves a class signal

CLASS_SIGNAL_COLUMNS = {
    "row": "str",  # name of the score
    "swap": "str",  # category that the other fits learned
    "role": "str",  # of the OOD side
    "relation": "str",  # "same-source" or "other-source"
    "auroc": "float64",  # of fits on the target
    "auroc_swap": "float64",  # of fits on the swap category, same images
    "value": "float64",  # class signal: their difference
    "low": "float64",
    "high": "float64",
    "p": "float64",  # two-sided, "the class signal is 0"
    "null_sd": "float64",  # of such a difference between target fits that differ in seed alone
    "seeds": "int64",  # fewest seeds on either side; 0: fits draw no random number
    "control": "str",  # the control with the highest signal; empty for controls
    "over_control": "float64",  # signal minus that control's, paired
    "over_low": "float64",
    "over_high": "float64",
    "over_caution": "str",  # why that interval covers less than it says
    "note": "str",  # what the number cannot say
    "reason": "str",  # why a value is NaN
    "caution": "str",  # why the interval covers less than it says
}


def class_signal_table(tables: RunTables, *, level: float = 0.95) -> pd.DataFrame:
    """Class signal of every score that was fitted on the target and on a swap category.

    Args:
        tables: the tables of a run with swap fits.
        level: confidence level of the intervals, which cover patients, not retraining; `null_sd`
            says what retraining does, and takes `SEEDS` seeds to be worth something.

    Returns:
        One row per score, swap category, role and relation, columns as `CLASS_SIGNAL_COLUMNS`;
        empty if the run has no swap fit. Scores that were not run have none.
    """
    images = tables.images
    target = images.loc[images["role"] == "target", "category"].iloc[0]
    swaps = sorted(set(tables.fits["fitted_on"]) - {target, "nothing"})
    rows = [row for swap in swaps for row in _rows(tables, target, swap, level)]
    return pd.DataFrame(rows, columns=list(CLASS_SIGNAL_COLUMNS)).astype(CLASS_SIGNAL_COLUMNS)


@dataclass(frozen=True)
class _Signal:
    """One score in one group: AUROCs of its fits on the target and on the swap category."""

    row: str
    own: Influence
    swapped: Influence
    seed_values: list[float]
    seeds: int

    @property
    def influence(self) -> Influence:
        return combine([self.own, self.swapped], [1, -1])


def _rows(tables: RunTables, target: str, swap: str, level: float) -> list[dict[str, object]]:
    among = (tables.images["category"] != swap).to_numpy()
    fitted_on = tables.fits["fitted_on"].to_numpy()
    own = RunAurocs(tables, fits=tables.main_fits & (fitted_on == target), among=among)
    other = RunAurocs(tables, fits=fitted_on == swap, among=among)
    facts = _facts(tables)
    found = []
    for role, relation in own.groups():
        signals = []
        for row in (row for row in own.rows if row in other.rows and row in facts.index):
            quantity = Quantity(row, role=role, relation=relation)
            values, others = own.seed_values(quantity), other.seed_values(quantity)
            random = bool(facts.loc[row, "random"])
            seeds = min(len(values), len(others)) if random else 0
            influences = own.influence(quantity), other.influence(quantity)
            signals.append(_Signal(row, *influences, values, seeds))
        controls = [signal for signal in signals if facts.loc[signal.row, "control"]]
        for signal in signals:
            place = {"row": signal.row, "swap": swap, "role": role, "relation": relation}
            above = _over_control(signal, controls, level)
            found.append({**place, **_measured(signal, level), **above})
    return found


def _facts(tables: RunTables) -> pd.DataFrame:
    """Per row: whether it is a control, and whether its fits draw random numbers.

    A detector without any score is a row of its own name.
    """
    fits = tables.fits.assign(random=tables.fits["seed"].notna())
    pairs = tables.scores[["fit_id", "score"]].drop_duplicates().merge(fits, on="fit_id")
    by_score = pairs.groupby("score")[["control", "random"]].any()
    by_detector = fits.groupby("detector")[["control", "random"]].any()
    return pd.concat([by_score, by_detector.drop(index=by_score.index, errors="ignore")])


def _measured(signal: _Signal, level: float) -> dict[str, object]:
    difference = paired_difference(signal.own, signal.swapped, level)[0]
    few = f"{signal.seeds} seed{'s' * (signal.seeds > 1)}, and {SEEDS} are needed to tell it from "
    return {
        "auroc": signal.own.value[0],
        "auroc_swap": signal.swapped.value[0],
        "value": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "null_sd": _null_sd(signal),
        "seeds": signal.seeds,
        "note": f"{few}what another seed changes" if 0 < signal.seeds < SEEDS else "",
        "reason": difference.reason,
        "caution": difference.caution,
    }


def _over_control(signal: _Signal, controls: Sequence[_Signal], level: float) -> dict[str, object]:
    """The signal's lead over the highest one of a control."""
    there = [c for c in controls if not np.isnan(c.influence.value[0])]
    if not there or signal.row in [control.row for control in controls]:
        missing = float("nan")
        ends = dict.fromkeys(("over_control", "over_low", "over_high"), missing)
        return {"control": "", "over_caution": "", **ends}
    best = max(there, key=lambda control: float(control.influence.value[0]))
    lead = paired_difference(signal.influence, best.influence, level, reach=2.0)[0]
    areas = [side.value[0] for one in (signal, best) for side in (one.own, one.swapped)]
    caution = difference_cautions([max(areas)], signal.influence.fewest_patients)[0]
    ends = {"over_control": lead.value, "over_low": lead.low, "over_high": lead.high}
    return {"control": best.row, "over_caution": caution, **ends}


def _null_sd(signal: _Signal) -> float:
    """Deviation of a difference of two means over as many seeds, from the spread over seeds."""
    if not signal.seeds:
        return 0.0  # another fit would be the same one
    if len(signal.seed_values) < 2:
        return float("nan")
    return float(np.std(signal.seed_values, ddof=1) * np.sqrt(2 / len(signal.seed_values)))
