"""The swap test: does a one-class detector know its class, or only that something is skin?

The same recipe is fitted on another category of the same source with equally many images, and both
fits score the same test images, the swap category left out. *Class signal* is the paired difference
of the AUROCs, target fit minus swap fit; near 0, the score does not depend on which class was
learned.
"""

import numpy as np
import pandas as pd

from mimbench.scores import RunTables
from mimbench.statistics.comparisons import Quantity, RunAurocs
from mimbench.statistics.influence import paired_difference

__all__ = ["CLASS_SIGNAL_COLUMNS", "class_signal_table"]

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
    "seeds": "int64",  # fewest seeds on either side
    "reason": "str",  # why a value is NaN
    "caution": "str",  # why the interval covers less than it says
}


def class_signal_table(tables: RunTables, *, level: float = 0.95) -> pd.DataFrame:
    """Class signal of every score that was fitted on the target and on a swap category.

    Args:
        tables: the tables of a run with swap fits.
        level: confidence level of the intervals, which cover patients, not retraining; `null_sd`
            says what retraining does.

    Returns:
        One row per score, swap category, role and relation, columns as `CLASS_SIGNAL_COLUMNS`;
        empty if the run has no swap fit.
    """
    images = tables.images
    target = images.loc[images["role"] == "target", "category"].iloc[0]
    swaps = sorted(set(tables.fits["fitted_on"]) - {target, "nothing"})
    rows = [row for swap in swaps for row in _rows(tables, target, swap, level)]
    return pd.DataFrame(rows, columns=list(CLASS_SIGNAL_COLUMNS)).astype(CLASS_SIGNAL_COLUMNS)


def _rows(tables: RunTables, target: str, swap: str, level: float) -> list[dict[str, object]]:
    among = (tables.images["category"] != swap).to_numpy()
    fitted_on = tables.fits["fitted_on"].to_numpy()
    own = RunAurocs(tables, fits=tables.main_fits & (fitted_on == target), among=among)
    other = RunAurocs(tables, fits=fitted_on == swap, among=among)
    found = []
    for row in (row for row in own.rows if row in other.rows):
        for role, relation in own.groups():
            quantity = Quantity(row, role=role, relation=relation)
            first, second = own.influence(quantity), other.influence(quantity)
            signal = paired_difference(first, second, level)[0]
            seeds = own.seed_values(quantity)
            found.append(
                {
                    "row": row,
                    "swap": swap,
                    "role": role,
                    "relation": relation,
                    "auroc": first.value[0],
                    "auroc_swap": second.value[0],
                    "value": signal.value,
                    "low": signal.low,
                    "high": signal.high,
                    "p": signal.p,
                    "null_sd": _null_sd(seeds),
                    "seeds": min(len(seeds), len(other.seed_values(quantity))),
                    "reason": signal.reason,
                    "caution": signal.caution,
                }
            )
    return found


def _null_sd(values: list[float]) -> float:
    """Deviation of a difference of two means over as many seeds, from the spread over seeds."""
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) * np.sqrt(2 / len(values)))
