"""What classifiers owe to their known categories: the known-curve, and groups left out.

Both come from fits from which some known categories were withheld, on clean images. Detectors that
train on the target alone see no known category at all; their main fits stand beside.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.estimate import Estimate, missing
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import Measured, paired_difference

__all__ = [
    "KNOWN_CURVE_COLUMNS",
    "LEFT_OUT_COLUMNS",
    "KnownCurve",
    "known_curve_table",
    "left_out_table",
]

Mask = NDArray[np.bool_]

KNOWN_CURVE_COLUMNS = {
    "row": "str",  # name of the score
    "detector": "str",
    "control": "bool",
    "relation": "str",  # of the unknown categories: "same-source" or "other-source"
    "known": "int64",  # known categories that the fits saw; 0: the detector never sees any
    "orders": "int64",  # random orders of the categories that were averaged
    "value": "float64",  # mean AUROC over unknown categories, in [0, 1], higher = better
    "low": "float64",
    "high": "float64",
    "lowest": "float64",  # of the orders
    "highest": "float64",
    "change": "float64",  # value minus that with all known categories, on the same images
    "change_low": "float64",  # over patients and retraining
    "change_high": "float64",
    "change_p": "float64",  # two-sided, "there is no change"; NaN where retraining is unknown
    "reason": "str",  # why there is no value
    "caution": "str",  # why the interval of the value covers less than it says
    "change_caution": "str",
    "n_target_patients": "int64",
    "n_other_patients": "int64",
}
LEFT_OUT_COLUMNS = {
    "row": "str",
    "detector": "str",
    "control": "bool",
    "relation": "str",  # of the known categories
    "category": "str",  # empty: the mean over the known categories
    "value": "float64",  # AUROC, target against the category, of fits that never saw the category
    "low": "float64",
    "high": "float64",
    "seen": "float64",  # the same of fits that saw it; NaN for detectors that see no known one
    "seen_low": "float64",
    "seen_high": "float64",
    "change": "float64",  # value minus seen, on the same images
    "change_low": "float64",  # over patients and retraining
    "change_high": "float64",
    "change_p": "float64",  # two-sided, "there is no change"; NaN where retraining is unknown
    "reason": "str",
    "caution": "str",  # of the value's interval
    "seen_caution": "str",
    "change_caution": "str",
    "n_target_patients": "int64",
    "n_other_patients": "int64",
}
NOTHING = missing("not measured")


class _Withheld:
    """Clean AUROCs of main fits, and of fits that saw only some of the known categories."""

    def __init__(self, tables: RunTables, kind: str, among: Mask | None = None) -> None:
        clean = tables.scores["corruption"] == CLEAN
        self.tables = replace(tables, scores=tables.scores[clean])
        fits = tables.fits
        studies = fits["study"].str.extract(rf"{kind} (\d+)", expand=False)
        self.number = studies.fillna("-1").astype(int).to_numpy()  # of the order or the group
        sets = [set(text.split("+")) if text else set() for text in fits["withheld"]]
        self.withheld = np.asarray(sets, dtype=object)
        self.learners = set(fits.loc[self.number >= 0, "detector"])
        self.among = among
        self._aurocs: dict[bytes, RunAurocs] = {}

    @cached_property
    def main(self) -> RunAurocs:
        """Those of main fits."""
        return RunAurocs(self.tables, among=self.among)

    @cached_property
    def rows(self) -> dict[str, tuple[str, bool]]:
        """Detector of each row, and whether it is a control.

        Left out are rows of which a fit cannot say what they saw: already trained models,
        ensembles, and what another program scored.
        """
        fits = self.tables.fits
        here = (fits["fitted_on"] != "nothing") & (fits["input_size"] > 0)
        told = fits[fits["control"] | here][["fit_id", "detector", "control"]]
        pairs = self.tables.scores[["fit_id", "score"]].drop_duplicates().astype("str")
        found = pairs.merge(told, on="fit_id").drop_duplicates("score").set_index("score")
        return {
            row: (str(found.loc[row, "detector"]), bool(found.loc[row, "control"]))
            for row in self.main.rows
            if row in found.index
        }

    def about(self, row: str, relation: str) -> dict[str, object]:
        detector, control = self.rows[row]
        return {"row": row, "detector": detector, "control": control, "relation": relation}

    def number_of(self, fits: Mask, quantity: Quantity) -> Measured | None:
        """The AUROC of some fits of the row's detector; None if none of them scored."""
        own = fits & (self.tables.fits["detector"] == self.rows[quantity.row][0]).to_numpy()
        if own.tobytes() not in self._aurocs:
            self._aurocs[own.tobytes()] = RunAurocs(self.tables, fits=own, among=self.among)
        aurocs = self._aurocs[own.tobytes()]
        return aurocs.measured(quantity) if quantity.row in aurocs.rows else None


class KnownCurve(_Withheld):
    """AUROC on unknown categories by the number of known ones that a classifier saw.

    An AUROC is the mean over folds, seeds and random orders; its interval covers patients, that of
    a change retraining too. Both hold for these categories and orders.
    """

    def __init__(self, tables: RunTables, *, among: Mask | None = None) -> None:
        """Take the tables of a run; without a known-curve there are no `counts`.

        `among` (N,) says which images count, by default all.
        """
        super().__init__(tables, "known-curve", among)
        known = tables.images.loc[tables.images["role"] == "known", "category"].nunique()
        self.all_known = int(known)
        seen = [self.all_known - len(withheld) for withheld in self.withheld]
        self.seen = np.asarray(seen, dtype=np.int64)

    @property
    def counts(self) -> list[int]:
        """Numbers of known categories below all of them, ascending."""
        return sorted({int(count) for count in self.seen[self.number >= 0]})

    def orders(self, count: int) -> list[int]:
        """Random orders that have fits with `count` known categories."""
        own = (self.seen == count) & (self.number >= 0)
        return sorted({int(order) for order in self.number[own]})

    def measured(self, quantity: Quantity, count: int, order: int | None = None) -> Measured | None:
        """AUROC with `count` known categories, in one order or as the mean over all.

        Returns None if no such fit of the row's detector has scored.
        """
        if count == self.all_known:
            return self.main.measured(quantity)
        own = (self.seen == count) & (self.number >= 0)
        return self.number_of(own if order is None else own & (self.number == order), quantity)


def known_curve_table(tables: RunTables, *, level: float = 0.95) -> pd.DataFrame:
    """AUROC on unknown categories by number of known ones; empty without a known-curve.

    Args:
        tables: the three tables of a run.
        level: confidence level.

    Returns:
        One row per score, relation and number of known categories, columns as
        `KNOWN_CURVE_COLUMNS`; scores of detectors that see no known category have one, 0.
    """
    curve = KnownCurve(tables)
    if not curve.counts:
        return _empty(KNOWN_CURVE_COLUMNS)
    places = [relation for role, relation in curve.main.groups() if role == "unknown"]
    records = [
        record
        for row in curve.rows
        for relation in places
        for record in _curve_records(curve, row, relation, level)
    ]
    return pd.DataFrame(records, columns=list(KNOWN_CURVE_COLUMNS)).astype(KNOWN_CURVE_COLUMNS)


def _empty(columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns)).astype(dict(columns))


def _curve_records(
    curve: KnownCurve, row: str, relation: str, level: float
) -> Iterator[dict[str, object]]:
    quantity = Quantity(row, role="unknown", relation=relation)
    whole = curve.main.measured(quantity)
    about = curve.about(row, relation)
    if curve.rows[row][0] not in curve.learners:
        yield {**about, "known": 0, "orders": 0, **_numbers(whole, None, level)}
        return
    for count in curve.counts:
        orders = curve.orders(count)
        each = [curve.measured(quantity, count, order) for order in orders]
        values = [np.nan if own is None else float(own.value[0]) for own in each]
        yield {
            **about,
            "known": count,
            "orders": len(orders),
            **_numbers(curve.measured(quantity, count), whole, level),
            "lowest": np.min(values),
            "highest": np.max(values),
        }
    yield {**about, "known": curve.all_known, "orders": 0, **_numbers(whole, None, level)}


def left_out_table(tables: RunTables, *, level: float = 0.95) -> pd.DataFrame:
    """AUROC on known categories of fits that never saw them; empty if no group was left out.

    Every known category is scored by the fits without its group: to them it is near-OOD, from the
    same collection as what they trained on.

    Args:
        tables: the three tables of a run.
        level: confidence level.

    Returns:
        One row per score, relation and category, and a mean over categories, columns as
        `LEFT_OUT_COLUMNS`.
    """
    left_out = _Withheld(tables, "left-out")
    if not left_out.learners:
        return _empty(LEFT_OUT_COLUMNS)
    records = [
        record
        for row in left_out.rows
        for role, relation in left_out.main.groups()
        if role == "known"
        for record in _left_out_records(left_out, row, relation, level)
    ]
    return pd.DataFrame(records, columns=list(LEFT_OUT_COLUMNS)).astype(LEFT_OUT_COLUMNS)


def _left_out_records(
    left_out: _Withheld, row: str, relation: str, level: float
) -> Iterator[dict[str, object]]:
    learns = left_out.rows[row][0] in left_out.learners
    categories = left_out.main.categories("known", relation)
    unseen: list[Measured | None] = []
    seen: list[Measured] = []
    for category in categories:
        quantity = Quantity(row, role="known", relation=relation, category=category)
        seen.append(left_out.main.measured(quantity))
        without = [category in withheld for withheld in left_out.withheld]
        fits = np.asarray(without, dtype=bool) & (left_out.number >= 0)
        unseen.append(left_out.number_of(fits, quantity) if learns else seen[-1])
    names = ["", *categories]
    for name, first, second in zip(
        names, [_mean(unseen), *unseen], [_mean(seen), *seen], strict=True
    ):
        numbers = _numbers(first, second if learns else None, level)
        ends = _estimate(second, level) if learns else NOTHING
        yield {
            **left_out.about(row, relation),
            "category": name,
            **numbers,
            "seen": ends.value,
            "seen_low": ends.low,
            "seen_high": ends.high,
            "seen_caution": ends.caution,
        }


def _mean(terms: Sequence[Measured | None]) -> Measured | None:
    present = [term for term in terms if term is not None]
    if len(present) < len(terms):
        return None
    return Measured.mean(present)


def _numbers(own: Measured | None, other: Measured | None, level: float) -> dict[str, object]:
    """A number with its interval, and its paired difference to another."""
    estimate, change = _estimate(own, level), NOTHING
    if own is not None and other is not None:
        change = paired_difference(own, other, level, alike=True)[0]
    patients = [0, 0] if own is None else [int(side[0]) for side in own.patients.patients]
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "change": change.value,
        "change_low": change.low,
        "change_high": change.high,
        "change_p": change.p,
        "reason": estimate.reason,
        "caution": estimate.caution,
        "change_caution": change.caution,
        "n_target_patients": patients[0],
        "n_other_patients": patients[1],
    }


def _estimate(own: Measured | None, level: float) -> Estimate:
    if own is None:
        return missing("no such fit has scored")
    return own.patients.area_estimates(level)[0]
