"""What the tables of an external test say: AUROC there, and how far the target has drifted."""

import numpy as np
import pandas as pd

from mimbench.scores import RunTables
from mimbench.statistics.cells import Cells
from mimbench.statistics.comparisons import Quantity, RunAurocs
from mimbench.statistics.estimate import Estimate, missing
from mimbench.statistics.influence import combine
from mimbench.statistics.layout import Layout, Row
from mimbench.statistics.threshold import validation_masks

__all__ = ["DRIFT_COLUMNS", "EXTERNAL_COLUMNS", "drift_table", "external_table"]

DRIFT_COLUMNS = {
    "row": "str",  # name of the score
    "drift": "float64",  # in [0, 1]; 0.5: none; above it new images look less like the target
    "low": "float64",
    "high": "float64",
    "reason": "str",  # why there is no number
    "caution": "str",  # why the interval covers less than it says
}
EXTERNAL_COLUMNS = {
    "row": "str",
    "relation": "str",  # of the other images to the target's source
    "auroc": "float64",  # target images against the mean over the other categories
    "low": "float64",
    "high": "float64",
    "target_patients": "int64",
    "other_patients": "int64",
    "reason": "str",
    "caution": "str",
}


def external_table(tables: RunTables) -> pd.DataFrame:
    """AUROC of each row on new images, target against all others, clustered by patient.

    Args:
        tables: new images as test images; the run's own target images for validation only.

    Returns:
        One row per score and relation, columns as `EXTERNAL_COLUMNS`; empty without others.
    """
    own = RunAurocs(tables)
    records = []
    for row in own.rows:
        for role, relation in own.groups():
            number = own.influence(Quantity(row, role=role, relation=relation))
            estimate = number.area_estimates()[0]
            target, other = (int(side[0]) for side in number.patients)
            records.append(
                {
                    "row": row,
                    "relation": relation,
                    "auroc": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "target_patients": target,
                    "other_patients": other,
                    "reason": estimate.reason,
                    "caution": estimate.caution,
                }
            )
    return pd.DataFrame(records, columns=list(EXTERNAL_COLUMNS)).astype(EXTERNAL_COLUMNS)


def drift_table(tables: RunTables) -> pd.DataFrame:
    """AUROC of new target images against the validation target images of each fit.

    Args:
        tables: as for `external_table`.

    Returns:
        One row per score, columns as `DRIFT_COLUMNS`.
    """
    layout = Layout(tables)
    validation = validation_masks(tables, layout)
    records = []
    for row in layout.rows:
        found = _drift(layout, row, validation)
        records.append(
            {
                "row": row.score,
                "drift": found.value,
                "low": found.low,
                "high": found.high,
                "reason": found.reason,
                "caution": found.caution,
            }
        )
    return pd.DataFrame(records, columns=list(DRIFT_COLUMNS)).astype(DRIFT_COLUMNS)


def _drift(layout: Layout, row: Row, validation: np.ndarray) -> Estimate:
    if row.reason:
        return missing(row.reason)
    target, values = layout.role == "target", layout.values(row)
    parts = []
    for fit, fold, _ in layout.cells(row):
        old, new = np.flatnonzero(validation[fold]), np.flatnonzero(target & layout.test[fold])
        if not new.size:
            return missing("no target images")
        if not old.size:
            return missing("no target images in validation")
        cells = Cells(layout.patient[old], layout.patient[new], n_patients=layout.n_patients)
        parts.append(cells.influence(values[fit, 0, old], values[fit, 0, new]))
    return combine(parts, [1 / len(parts)] * len(parts)).area_estimates()[0]
