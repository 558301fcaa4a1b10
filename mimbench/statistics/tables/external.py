"""The external test: how the fits of a run do on images of another site, target and others alike.

A run with external images and `mimbench score` both ask here, so that they say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN, UNLABELLED, RunTables
from mimbench.statistics.core.estimate import Estimate, missing
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import Cells
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Row
from mimbench.statistics.run.retraining import Models
from mimbench.statistics.run.threshold import frozen_thresholds, validation_masks
from mimbench.statistics.run.uncertainty import Measured
from mimbench.statistics.tables.operating import operating_table

__all__ = [
    "AUROC_COLUMNS",
    "DRIFT_COLUMNS",
    "NO_OTHERS",
    "NO_TARGET",
    "SIDE_COLUMNS",
    "TABLES",
    "VERDICT_COLUMNS",
    "ExternalTest",
    "external_test",
]

TABLES = ("verdicts", "operating", "auroc", "drift", "sides")
NO_TARGET = "no external images of the target category"
NO_OTHERS = "no external images of another category"

AUROC_COLUMNS = {
    "row": "str",  # name of the score
    "control": "bool",  # a row that measures pictures, not the target
    "relation": "str",  # of the other images to the source of the external target images
    "auroc": "float64",  # in [0, 1]: external target images against the mean over the others
    "low": "float64",
    "high": "float64",
    "target_images": "int64",
    "target_patients": "int64",
    "other_images": "int64",
    "other_patients": "int64",
    "reason": "str",  # why there is no number
    "caution": "str",  # why the interval covers less than it says
}
DRIFT_COLUMNS = {
    "row": "str",
    "drift": "float64",  # in [0, 1]; 0.5: none; above it external images look less like the target
    "low": "float64",
    "high": "float64",
    "reason": "str",
    "caution": "str",
}
SIDE_COLUMNS = {
    "side": "str",  # "target", "other" and "unlabelled" are external; "validation": the run's own
    "category": "str",
    "sources": "str",  # collections that the images come from, joined by ", "
    "images": "int64",
    "patients": "int64",
}
VERDICT_COLUMNS = {
    "path": "str",
    "category": "str",
    "row": "str",
    "value": "float64",  # mean over the fits; higher = less like the target
    "accepted": "float64",  # in [0, 1]: share of the fits whose threshold calls it target
    "reason": "str",  # why there is no verdict
    "image_id": "str",
}


@dataclass(frozen=True)
class ExternalTest:
    """What the fits of a run say of external images; clean images alone.

    Attributes:
        verdicts: one row per external image and score, columns as `VERDICT_COLUMNS`.
        operating: sensitivity on external target images and specificity on external others, at
            the thresholds frozen on the run's validation images; columns as `OPERATING_COLUMNS`.
        auroc: external target against external other images, columns as `AUROC_COLUMNS`; intervals
            cover their patients and retraining, as those of claims do.
        drift: external target against validation target images, columns as `DRIFT_COLUMNS`;
            intervals as for `auroc`.
        sides: which images stand on which side, columns as `SIDE_COLUMNS`.
    """

    verdicts: pd.DataFrame
    operating: pd.DataFrame
    auroc: pd.DataFrame
    drift: pd.DataFrame
    sides: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by the names of their files, `external_<name>.csv`."""
        return {name: getattr(self, name) for name in TABLES}


def external_test(tables: RunTables) -> ExternalTest | None:
    """Measure every row on the external images of a run; None if it has none.

    External target images are compared with external images of other categories, never with
    images of the run's own collections: a score that recognises the collection would win there.

    Args:
        tables: of a run; external images have the role "external", the target among them too.
    """
    if not (tables.images["role"] == "external").any():
        return None
    scores = tables.scores
    clean = RunTables(scores[scores["corruption"] == CLEAN], tables.fits, tables.images)
    layout = Layout(clean)
    masks = validation_masks(clean, layout)
    operating = operating_table(clean)
    return ExternalTest(
        verdicts=_frame(_verdicts(clean.images, layout, masks), VERDICT_COLUMNS),
        operating=operating[operating["role"] == "external"].reset_index(drop=True),
        auroc=_frame(_aurocs(clean, layout), AUROC_COLUMNS),
        drift=_frame(_drifts(clean, layout, masks), DRIFT_COLUMNS),
        sides=_frame(_sides(clean.images, layout, masks), SIDE_COLUMNS),
    )


def _frame(records: Iterator[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(records), columns=list(columns)).astype(columns)


def _aurocs(tables: RunTables, layout: Layout) -> Iterator[dict[str, Any]]:
    own = RunAurocs(tables)
    controls = set(tables.fits.loc[tables.fits["control"], "detector"])
    groups = [group for group in own.groups() if group[0] == "external"]
    target = layout.external & layout.is_target
    for row in layout.rows:
        place = {"row": row.score, "control": row.detector in controls, "relation": ""}
        if not groups:
            why = NO_OTHERS if target.any() else NO_TARGET
            counts = _counts(layout, target) + _counts(layout, layout.external & ~layout.is_target)
            yield {**place, **_measured(missing(row.reason or why), "auroc"), **_named(counts)}
        for role, relation in groups:
            number = own.measured(Quantity(row.score, role=role, relation=relation))
            others = layout.external & ~layout.is_target & (layout.relation == relation)
            counts = _counts(layout, target) + _counts(layout, others)
            measured = _measured(number.area_estimates()[0], "auroc")
            yield {**place, "relation": relation, **measured, **_named(counts)}


def _named(counts: tuple[int, ...]) -> dict[str, int]:
    names = ("target_images", "target_patients", "other_images", "other_patients")
    return dict(zip(names, counts, strict=True))


def _counts(layout: Layout, images: NDArray[np.bool_]) -> tuple[int, int]:
    """Labelled images among these, and their patients."""
    labelled = images & (layout.category != UNLABELLED)
    return int(labelled.sum()), len(np.unique(layout.patient[labelled]))


def _measured(estimate: Estimate, name: str) -> dict[str, Any]:
    return {
        name: estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "reason": estimate.reason,
        "caution": estimate.caution,
    }


def _drifts(
    tables: RunTables, layout: Layout, validation: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    for row in layout.rows:
        estimate = _drift(layout, row, Models(tables.fits, row), validation)
        yield {"row": row.score, **_measured(estimate, "drift")}


def _drift(layout: Layout, row: Row, models: Models, validation: NDArray[np.bool_]) -> Estimate:
    if row.reason:
        return missing(row.reason)
    new, values = np.flatnonzero(layout.external & layout.is_target), layout.values(row)
    if not new.size:
        return missing(NO_TARGET)
    parts, fits = [], []
    for fit, fold, _ in layout.cells(row):
        old = np.flatnonzero(validation[fold])
        if not old.size:
            return missing("no target images in validation")
        cells = Cells(layout.patient[old], layout.patient[new], n_patients=layout.n_patients)
        parts.append(cells.influence(values[fit, 0, old], values[fit, 0, new]))
        fits.append(fit)
    patients = combine(parts, [1 / len(parts)] * len(parts))
    trainings = models.trainings(fits, np.stack([part.value for part in parts]))
    return Measured(patients, trainings).area_estimates()[0]


def _sides(
    images: pd.DataFrame, layout: Layout, validation: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    unlabelled = layout.external & (layout.category == UNLABELLED)
    others = layout.external & ~layout.is_target & ~unlabelled
    sides = {
        "target": layout.external & layout.is_target,
        "other": others,
        "unlabelled": unlabelled,
        "validation": np.any(validation, axis=0),
    }
    for side, members in sides.items():
        for category, own in images[members].groupby("category", sort=True):
            yield {
                "side": side,
                "category": category,
                "sources": ", ".join(sorted(set(own["source"].astype(str)))),
                "images": len(own),
                "patients": own["patient"].nunique(),
            }


def _verdicts(
    images: pd.DataFrame, layout: Layout, validation: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    new = np.flatnonzero(layout.external)
    about = images.iloc[new][["path", "category", "image_id"]].to_dict("records")
    for row in layout.rows:
        values = layout.values(row)
        at, reason = frozen_thresholds(layout, row, values, validation, external=True)
        own = np.stack([values[fit, 0, new] for fit, _, _ in layout.cells(row)])
        accepted = np.where(np.isnan(at), np.nan, 1.0)[:, None] * (own <= at[:, None])
        for record, value, share in zip(about, own.mean(0), accepted.mean(0), strict=True):
            known = {str(name): text for name, text in record.items()}
            yield {**known, "row": row.score, "value": value, "accepted": share, "reason": reason}
