"""The swap test: does a one-class detector know its class, or only that something is skin?

The same recipe is fitted on another category of the same source with equally many images, and both
fits score the same test images, the swap category left out. *Class signal* is the paired difference
of the AUROCs, target fit minus swap fit; near 0, the score does not depend on which class was
learned. A control may have a signal too, where pictures or lesions of a class share what it
measures: what a detector shows above that is its own.

The swap category itself has a line of its own. There the swapped fit is at home: the signal is the
sum of what both fits reach in telling their own class from the other, less one. A score that
depends on no class has the same AUROC twice, and none.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.cautions import difference_cautions
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.controls import controls_of, row_facts, weakest_lead
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.uncertainty import Measured, paired_difference
from mimbench.statistics.run.variance import varies_by
from mimbench.statistics.tables.row_metrics import MEAN_SEVERITY
from mimbench.text import counted

__all__ = ["CLASS_SIGNAL_COLUMNS", "Selection", "class_signal_table"]

CLASS_SIGNAL_COLUMNS = {
    "row": "str",  # name of the score
    "swap": "str",  # category that the other fits learned
    "role": "str",  # of the OOD side; "swap": it is the swap category
    "relation": "str",  # "same-source" or "other-source"
    "auroc": "float64",  # of fits on the target
    "auroc_swap": "float64",  # of fits on the swap category, same images
    "value": "float64",  # class signal: their difference
    "low": "float64",
    "high": "float64",
    "p": "float64",  # two-sided, "the class signal is 0"; NaN where its variance is unknown
    # of such a difference between fits that differ in seed, and in whom a line was fitted on
    "null_sd": "float64",
    "null_limit": "float64",  # what such a difference exceeds in 5 % of cases, either way
    "seeds": "int64",  # fewest seeds of a fold on either side; 0: fits draw no random number
    # the control of its input size above which the signal is least clearly; empty for controls
    "control": "str",
    "over_control": "float64",  # signal minus that control's, paired
    "over_low": "float64",
    "over_high": "float64",
    "over_p": "float64",  # two-sided, "the signal is that control's"; NaN where unknown
    "over_caution": "str",  # why that interval covers less than it says
    # controls of its input size that learned the target and have no class signal, joined by ", "
    "not_compared": "str",
    "note": "str",  # what the number cannot say
    "reason": "str",  # why a value is NaN
    "caution": "str",  # why the interval covers less than it says
}


@dataclass(frozen=True)
class Selection:
    """The images and conditions of a swap test.

    Attributes:
        among: (N,) images that may enter; None: all.
        category: of the OOD side; empty: the mean over those of a role.
        corruptions: their mean, over the severities that there are; none: clean images.
        protocol: "both" or "target-only", of corrupted images.
    """

    among: NDArray[np.bool_] | None = None
    category: str = ""
    corruptions: tuple[str, ...] = ()
    protocol: str = "both"

    def measured(self, aurocs: RunAurocs, row: str, role: str, relation: str) -> Measured:
        """AUROC of a row."""
        conditions = [(name, MEAN_SEVERITY) for name in self.corruptions] or [(CLEAN, 0)]
        protocol = self.protocol if self.corruptions else "both"
        return Measured.mean(
            [
                aurocs.measured(
                    Quantity(row, role, relation, self.category, corruption, severity, protocol)
                )
                for corruption, severity in conditions
            ]
        )


def class_signal_table(
    tables: RunTables, *, level: float = 0.95, selection: Selection | None = None
) -> pd.DataFrame:
    """Class signal of every score that was fitted on the target and on a swap category.

    Args:
        tables: the tables of a run with swap fits.
        selection: images and conditions; by default all images as they are.
        level: confidence level of the intervals, which cover patients and retraining; where a
            part is unknown they cover the others, and p is NaN. `null_sd` and `null_limit` say
            what a refit alone does: another seed, and other patients for a fitted line.

    Returns:
        One row per score, swap category, role and relation, columns as `CLASS_SIGNAL_COLUMNS`;
        empty if the run has no swap fit. Scores that were not run have none.
    """
    images = tables.images
    target = images.loc[images["role"] == "target", "category"].iloc[0]
    swaps = sorted(set(tables.fits["fitted_on"]) - {target, "nothing"})
    chosen = selection or Selection()
    rows = [row for swap in swaps for row in _rows(tables, target, swap, level, chosen)]
    return pd.DataFrame(rows, columns=list(CLASS_SIGNAL_COLUMNS)).astype(CLASS_SIGNAL_COLUMNS)


@dataclass(frozen=True)
class _Signal:
    """One score in one group: AUROCs of its fits on the target and on the swap category."""

    row: str
    own: Measured
    swapped: Measured

    @cached_property
    def difference(self) -> Measured:
        """The class signal; the spread of retraining is taken to be that of the recipe."""
        return self.own.minus(self.swapped, alike=True)

    @property
    def seeds(self) -> int:
        """Fewest seeds of a fold on either side; 0: nothing random is trained."""
        sides = [side.trainings[0] for side in (self.own, self.swapped) if side.trainings]
        return min((min(Counter(side.strata.tolist()).values()) for side in sides), default=0)


def _rows(
    tables: RunTables, target: str, swap: str, level: float, selection: Selection
) -> list[dict[str, object]]:
    category, fitted_on = tables.images["category"], tables.fits["fitted_on"].to_numpy()
    facts = row_facts(tables)
    sides = (
        Layout(tables, fits=tables.main_fits & (fitted_on == target)),
        Layout(tables, fits=fitted_on == swap),
    )
    found = []
    for among, called in ((category != swap, ""), (category.isin([target, swap]), "swap")):
        chosen = among.to_numpy(dtype=bool)
        if selection.among is not None:
            chosen = chosen & selection.among
        own = [side.within(chosen) for side in sides]
        for (role, relation), signals in _signals(tables, own, selection, facts):
            for signal in signals:
                place = {"row": signal.row, "swap": swap, "role": called or role}
                beside = controls_of(signal.row, facts)
                above = _over_control(signal, [s for s in signals if s.row in beside], level)
                there = {s.row for s in signals if not np.isnan(s.difference.value[0])}
                lost = [c for c in beside if facts.at[c, "learns_target"] and c not in there]
                line = {**place, "relation": relation, **_measured(signal, level), **above}
                found.append({**line, "not_compared": ", ".join(lost)})
    return found


def _signals(
    tables: RunTables, sides: Sequence[Layout], selection: Selection, facts: pd.DataFrame
) -> Iterator[tuple[tuple[str, str], list[_Signal]]]:
    """Role and relation of each group of the images, with the signals of all scores.

    `sides` are the fits on the target and those on the swap category.
    """
    own, other = (RunAurocs(tables, layout=side) for side in sides)
    rows = [row for row in own.rows if row in other.rows and row in facts.index]
    for role, relation in own.groups():
        if selection.category and selection.category not in own.categories(role, relation):
            continue
        place = (role, relation)
        signals = [
            _Signal(row, *(selection.measured(side, row, *place) for side in (own, other)))
            for row in rows
        ]
        yield place, signals


def _measured(signal: _Signal, level: float) -> dict[str, object]:
    own = signal.difference
    difference = paired_difference(signal.own, signal.swapped, level, alike=True)[0]
    few = f"{counted(signal.seeds, 'seed')} of a fold, too few to tell it from "
    return {
        "auroc": signal.own.value[0],
        "auroc_swap": signal.swapped.value[0],
        "value": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "null_sd": np.sqrt(own.refitting[0][0]),
        "null_limit": varies_by(*own.refitting)[0],
        "seeds": signal.seeds,
        "note": f"{few}what another seed changes" if np.isnan(own.retraining[0][0]) else "",
        "reason": difference.reason,
        "caution": difference.caution,
    }


def _over_control(signal: _Signal, controls: Sequence[_Signal], level: float) -> dict[str, object]:
    """The signal's least clear lead over one of the controls that it is compared with."""
    there = {c.row: c for c in controls if not np.isnan(c.difference.value[0])}
    own = signal.difference
    leads = {
        name: paired_difference(own, control.difference, level, reach=2.0)[0]
        for name, control in there.items()
    }
    if not leads:
        missing = float("nan")
        ends = dict.fromkeys(("over_control", "over_low", "over_high", "over_p"), missing)
        return {"control": "", "over_caution": "", **ends}
    name = weakest_lead(leads, 1 - level)
    lead = leads[name]
    areas = [side.value for one in (signal, there[name]) for side in (one.own, one.swapped)]
    few = difference_cautions(areas, own.patients.fewest_patients)[0]
    return {
        "control": name,
        "over_control": lead.value,
        "over_low": lead.low,
        "over_high": lead.high,
        "over_p": lead.p,
        "over_caution": lead.caution if np.isnan(lead.p) else few,
    }
