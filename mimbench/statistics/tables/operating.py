"""Sensitivity and specificity at the frozen threshold, under every condition."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.tables import RunTables
from mimbench.statistics.core.cautions import share_cautions
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Group, Row
from mimbench.statistics.run.threshold import (
    Side,
    frozen_thresholds,
    judged_sides,
    validation_masks,
)

__all__ = ["METHOD", "OPERATING_COLUMNS", "operating_table"]

METHOD = "shares clustered by patient, spread of fits, logit"

OPERATING_COLUMNS = {
    "row": "str",
    "detector": "str",
    "role": "str",
    "relation": "str",
    "category": "str",  # empty: mean over the categories of this role and relation
    "corruption": "str",
    "severity": "int64",
    "metric": "str",  # "sensitivity" of the target category, "specificity" of any other
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "lowest": "float64",  # share of a single fit
    "highest": "float64",
    "method": "str",
    "reason": "str",
    "n": "int64",  # images
    "n_patients": "int64",
    "caution": "str",  # why the interval says little
}


def operating_table(
    tables: RunTables, *, level: float = 0.95, layout: Layout | None = None
) -> pd.DataFrame:
    """Sensitivity and specificity of each row at its frozen threshold, under every condition.

    One threshold per fit: each fold's fit scores the validation target images of its fold, and the
    scores of all folds are pooled, except those of images that the fit's own fold tests. It is
    then applied to the fit's test images, clean and corrupted, and the shares are averaged over
    the fits. External images are none of the run's test images, so that nothing is excepted from
    their threshold: it is the one that a new site would get. Fits stop early on validation images,
    and a score may be calibrated on them, so that the conformal promise holds for the ranks, not
    strictly for such fits. Both are in [0, 1], higher = better. Images of the target category give
    sensitivity, external ones included.

    Args:
        tables: the three tables of a run.
        level: confidence level; intervals hold for the frozen thresholds, and cover the tested
            patients and how much fits differ beyond what these account for.
        layout: of the tables, where there is one already.

    Returns:
        One row per number, columns as `OPERATING_COLUMNS`.
    """
    layout = layout or Layout(tables)
    validation, sides = validation_masks(tables, layout), judged_sides(layout)
    parts = [
        part for row in layout.rows for part in _row_parts(layout, row, validation, sides, level)
    ]
    columns = {
        name: [value for part in parts for value in part[name]] for name in OPERATING_COLUMNS
    }
    return pd.DataFrame(columns).astype(OPERATING_COLUMNS)


def _row_parts(
    layout: Layout,
    row: Row,
    validation: NDArray[np.bool_],
    sides: list[Side],
    level: float,
) -> Iterator[dict[str, Iterable[Any]]]:
    """The columns of one row, for each condition and side."""
    values, cells = layout.values(row), layout.cells(row)
    frozen = {
        external: frozen_thresholds(layout, row, values, validation, external)
        for external in {side.external for side in sides}
    }
    alike = [_of_groups(layout, row, side) for side in sides]
    for k, (corruption, severity) in enumerate(layout.conditions):
        for side, own in zip(sides, alike, strict=True):
            at, reason = frozen[side.external]
            if reason:  # there is nothing to measure
                found = _missing(reason, len(side.groups))
            else:
                found = _shares(side, cells, values[:, k], at, row, level)
            count = len(side.groups)
            yield {
                **own,
                **found,
                "corruption": [corruption] * count,
                "severity": [severity] * count,
            }


def _shares(
    side: Side,
    cells: list[tuple[int, int, int]],
    values: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    row: Row,
    level: float,
) -> dict[str, Iterable[Any]]:
    """The columns of what is measured at frozen thresholds."""
    shares, per_cell = side.measured(cells, values, thresholds, row.score)
    low, high = shares.area_interval(level)
    cautions = share_cautions(shares.patients.variance, shares.parts[0].variance[0])
    finite = np.isfinite(per_cell)
    numbers = {
        "value": shares.area,
        "low": low,
        "high": high,
        "lowest": np.where(finite, per_cell, np.inf).min(0),
        "highest": np.where(finite, per_cell, -np.inf).max(0),
    }
    lost = np.asarray([bool(text) for text in shares.reasons])
    return {
        **{name: np.where(lost, np.nan, found) for name, found in numbers.items()},
        "method": np.where(lost, "", METHOD).tolist(),
        "reason": list(shares.reasons),
        "caution": np.where(lost, "", cautions).tolist(),
    }


def _missing(reason: str, count: int) -> dict[str, Iterable[Any]]:
    """The same columns where there is no threshold."""
    numbers = dict.fromkeys(("value", "low", "high", "lowest", "highest"), [np.nan] * count)
    return {**numbers, "method": [""] * count, "reason": [reason] * count, "caution": [""] * count}


def _of_groups(layout: Layout, row: Row, side: Side) -> dict[str, Iterable[Any]]:
    """The columns that are the same under every condition."""
    counts = [_counts(layout, group) for group in side.groups]
    same = {"row": row.score, "detector": row.detector, "metric": side.metric}
    return {
        **{name: [text] * len(counts) for name, text in same.items()},
        "role": [group.role for group in side.groups],
        "relation": [group.relation for group in side.groups],
        "category": [group.category for group in side.groups],
        "n": [images for images, _ in counts],
        "n_patients": [patients for _, patients in counts],
    }


def _counts(layout: Layout, group: Group) -> tuple[int, int]:
    """Test images of a group, and their patients."""
    images = group.images[np.any(layout.test[:, group.images], axis=0)]
    return images.size, np.unique(layout.patient[images]).size
