"""Summaries of how AUROC holds up under corruption."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.errors import UnknownNameError
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.cautions import area_cautions
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.core.influence import Influence, at_once, combine, joined
from mimbench.statistics.run.comparison_sets import ComparisonSet, RowAreas
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Question, Row
from mimbench.statistics.tables.corruption_error import (
    Ratio,
    corruption_error,
    mean_ratio,
    relative_corruption_error,
    summed_errors,
    summed_rises,
)
from mimbench.statistics.tables.row_metrics import ALL_CORRUPTIONS
from mimbench.statistics.tables.texts import Texts

__all__ = [
    "ROBUSTNESS_COLUMNS",
    "degradation_area",
    "robustness_table",
    "severity_below",
    "worst_area",
]

Array = NDArray[np.float64]
Summary = tuple[str, Sequence[str], list[Estimate]]  # metric, then corruption and number by entry

ROBUSTNESS_COLUMNS = {
    "row": "str",
    "detector": "str",
    "question": "str",
    "role": "str",
    "relation": "str",
    "category": "str",  # empty: mean over the categories of this role and relation
    "protocol": "str",
    "metric": "str",  # degradation_area, severity_below, worst_auroc, ce, relative_ce
    "corruption": "str",  # "*": mean over all (mCE, relative mCE); of worst_auroc: the worst
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "method": "str",
    "reason": "str",
    "caution": "str",  # why the interval covers less than it says
}


def degradation_area(clean: Influence, corrupted: Mapping[int, Influence]) -> Influence:
    """Area under the curve of AUROC over severity, by trapezoids from clean (0) to the highest.

    Args:
        clean: AUROCs on clean images.
        corrupted: AUROCs by severity.

    Returns:
        Numbers in [0, 1], the mean height of the curve, higher = more robust.
    """
    severities = np.asarray([0, *sorted(corrupted)], dtype=np.float64)
    steps = np.diff(severities)
    weights = (np.append(steps, 0) + np.append(0, steps)) / 2 / severities[-1]
    return combine([clean, *(corrupted[int(s)] for s in severities[1:])], list(weights))


def severity_below(
    clean: Influence, corrupted: Mapping[int, Influence], floor: float, level: float = 0.95
) -> list[Estimate]:
    """Severity at which the AUROC, interpolated between severities, first falls below `floor`.

    Args:
        clean: E AUROCs on clean images.
        corrupted: AUROCs by severity.
        floor: AUROC in (0, 1).
        level: confidence level of the pointwise bands.

    Returns:
        E estimates >= 0, higher = more robust; 0: below already when clean; NaN where the curve
        stays above. The interval runs from where the lower band falls below `floor` to where the
        upper one does, infinite if it does not.
    """
    severities = np.asarray([0, *sorted(corrupted)], dtype=np.float64)
    areas = [clean, *(corrupted[int(s)] for s in severities[1:])]
    bands = [area.area_interval(level) for area in areas]
    curves = ([area.value for area in areas], *zip(*bands, strict=True))
    values, lows, highs = (_crossings(severities, np.stack(own), floor) for own in curves)
    stays = f"stays at {floor:g} or above up to severity {severities[-1]:g}"
    estimates = []
    for value, low, high, why in zip(
        *(own.tolist() for own in (values, lows, highs)), _reasons(areas), strict=True
    ):
        method = "crossing of the pointwise band"
        if why:
            estimates.append(Estimate(np.nan, method=method, reason=why))
        elif np.isinf(value):
            estimates.append(Estimate(np.nan, low, high, method, stays))
        else:
            estimates.append(Estimate(value, low, high, method))
    return estimates


def worst_area(areas: Mapping[str, Influence], level: float = 0.95) -> list[tuple[str, Estimate]]:
    """Lowest of several AUROCs, e.g. of the means over the severities of each corruption.

    Args:
        areas: E AUROCs by corruption.
        level: confidence level; the interval holds simultaneously for all corruptions
            (Bonferroni), so that choosing the lowest costs nothing.

    Returns:
        Name of the corruption and estimate, E times.
    """
    names = list(areas)
    values = np.stack([area.value for area in areas.values()])
    together = joined(list(areas.values()))
    lows, highs = (
        end.reshape(values.shape) for end in together.area_interval(1 - (1 - level) / len(names))
    )
    cautions = area_cautions(together.area, *together.patients)
    found = []
    for e, why in enumerate(_reasons(list(areas.values()))):
        if why:
            found.append(("", Estimate(np.nan, reason=why)))
            continue
        worst = int(np.argmin(values[:, e]))
        ends = float(lows[:, e].min()), float(highs[:, e].min())
        caution = cautions[worst * values.shape[1] + e]
        method = "simultaneous, logit"
        estimate = Estimate(float(values[worst, e]), *ends, method, caution=caution)
        found.append((names[worst], estimate))
    return found


def robustness_table(
    tables: RunTables,
    *,
    reference: str = "",
    floor: float = 0.6,
    level: float = 0.95,
    layout: Layout | None = None,
    rows: Collection[str] | None = None,
) -> pd.DataFrame:
    """All summaries of every row, for every category and mean.

    Args:
        tables: the three tables of a run, with clean scores.
        reference: row that CE and relative CE compare with; without one they are left out.
        floor: AUROC of `severity_below`.
        level: confidence level.
        layout: of the tables, where there is one already.
        rows: to summarise; by default all.

    Returns:
        One row per number, columns as `ROBUSTNESS_COLUMNS`, texts as categories.

    Raises:
        UnknownNameError: no such reference row.
    """
    layout = layout or Layout(tables)
    names = [row.score for row in layout.rows]
    if reference and reference not in names:
        raise UnknownNameError("reference row", reference, names)
    columns = _Columns()
    places = [
        _Place(layout, ComparisonSet(layout, question), protocol, reference)
        for question in layout.questions()
        for protocol in question.protocols
    ]
    nothing: dict[_Place, list[Summary]] = {}  # of a row without numbers; the same for all of them
    for row in layout.rows:
        if rows is not None and row.score not in rows:
            continue
        for place in places:
            found = nothing.get(place) if row.reason else None
            if found is None:
                found = list(_summaries(place.curve(row), place.reference, floor, level))
            if row.reason:
                nothing[place] = found
            for summary in found:
                columns.add(row, place.question, place.protocol, summary)
    return columns.table()


class _Place:
    """A question under one protocol, with the reference's AUROCs; None without a reference."""

    def __init__(
        self, layout: Layout, comparison_set: ComparisonSet, protocol: str, reference: str
    ) -> None:
        self._layout, self._comparison_set = layout, comparison_set
        self.question, self.protocol = comparison_set.question, protocol
        found = next((row for row in layout.rows if reference and row.score == reference), None)
        self.reference = self.curve(found) if found else None

    def curve(self, row: Row) -> "_Curve":
        """The AUROCs of a row."""
        values = self._layout.values(row)
        return _Curve(RowAreas(self._layout, self._comparison_set, row, values), self.protocol)


class _Columns:
    """The columns of the table, summary after summary; of texts there are codes."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Any]] = {name: [] for name in ROBUSTNESS_COLUMNS}
        self._texts = {name: Texts() for name, kind in ROBUSTNESS_COLUMNS.items() if kind == "str"}

    def add(self, row: Row, question: Question, protocol: str, summary: Summary) -> None:
        """Add one summary of all entries."""
        metric, corruptions, estimates = summary
        groups = question.groups + question.means
        one = {"row": row.score, "detector": row.detector, "question": question.name}
        own: dict[str, Iterable[Any]] = {
            name: [text] * len(groups)
            for name, text in {**one, "protocol": protocol, "metric": metric}.items()
        }
        for name in ("role", "relation", "category"):
            own[name] = [getattr(group, name) for group in groups]
        own["corruption"] = corruptions
        own["reason"] = [row.reason or estimate.reason for estimate in estimates]
        for name in ("method", "caution"):
            own[name] = [getattr(estimate, name) for estimate in estimates]
        for name, texts in own.items():
            self._parts[name].append(self._texts[name].codes(texts))
        for name in ("value", "low", "high"):
            self._parts[name].append([getattr(estimate, name) for estimate in estimates])

    def table(self) -> pd.DataFrame:
        """One row per number."""
        whole = {
            name: np.concatenate(parts) if parts else np.zeros(0, np.int32)
            for name, parts in self._parts.items()
        }
        return pd.DataFrame(
            {
                name: self._texts[name].column(whole[name])
                if kind == "str"
                else whole[name].astype(kind)
                for name, kind in ROBUSTNESS_COLUMNS.items()
            }
        )


class _Curve:
    """AUROCs of one row over all conditions of one protocol.

    Attributes:
        clean: those on clean images.
        names: of the corruptions.
        batches: the corruptions, those with the same severities together.
    """

    def __init__(self, areas: RowAreas, protocol: str) -> None:
        conditions = areas.conditions
        clean = conditions.index((CLEAN, 0))
        self.clean = areas.area(clean, clean).influence
        corrupted: dict[str, dict[int, Influence]] = {}
        for k, (corruption, severity) in enumerate(conditions):
            if corruption != CLEAN:
                other = clean if protocol == "target-only" else k
                own = corrupted.setdefault(corruption, {})
                own[severity] = areas.area(k, other).influence
        self.names = tuple(corrupted)
        alike: dict[tuple[int, ...], list[str]] = {}
        for name, own in corrupted.items():
            alike.setdefault(tuple(own), []).append(name)
        most = at_once(self.clean)
        self.batches = tuple(
            _Batch(self.clean, {name: corrupted[name] for name in names[first : first + most]})
            for names in alike.values()
            for first in range(0, len(names), most)
        )


class _Batch:
    """Several corruptions with the same severities; measured together, which is much faster.

    Attributes:
        clean: AUROCs on clean images, once for each corruption.
        corrupted: by severity, those of one corruption after another.
    """

    def __init__(self, clean: Influence, corrupted: Mapping[str, Mapping[int, Influence]]) -> None:
        self._one, self._names = clean, tuple(corrupted)
        self.clean = joined([clean] * len(corrupted))
        own = list(corrupted.values())
        self.corrupted = {
            severity: joined([areas[severity] for areas in own], self.clean) for severity in own[0]
        }

    @cached_property
    def errors(self) -> Influence:
        """See `summed_errors`."""
        return summed_errors(list(self.corrupted.values()))

    @cached_property
    def rises(self) -> Influence:
        """See `summed_rises`."""
        return summed_rises(list(self.corrupted.values()), self.clean)

    def numbers(self, found: Influence) -> dict[str, Influence]:
        """The numbers of all corruptions by corruption."""
        return dict(zip(self._names, found.split(self._one), strict=True))

    def estimates(self, found: list[Estimate]) -> dict[str, list[Estimate]]:
        """The estimates of all corruptions by corruption."""
        size = len(self._one.value)
        return {name: found[k * size : (k + 1) * size] for k, name in enumerate(self._names)}


def _summaries(
    curve: _Curve, reference: _Curve | None, floor: float, level: float
) -> Iterator[Summary]:
    """Every summary of one row under one protocol."""
    if not curve.names:
        return
    entries = len(curve.clean.value)
    surfaces: dict[str, Influence] = {}
    means: dict[str, Influence] = {}
    areas: dict[str, list[Estimate]] = {}
    below: dict[str, list[Estimate]] = {}
    for batch in curve.batches:
        surface = degradation_area(batch.clean, batch.corrupted)
        surfaces |= batch.numbers(surface)
        areas |= batch.estimates(surface.area_estimates(level))
        below |= batch.estimates(severity_below(batch.clean, batch.corrupted, floor, level))
        means |= batch.numbers(_mean(list(batch.corrupted.values())))
    for corruption in curve.names:
        yield "degradation_area", [corruption] * entries, areas[corruption]
        yield "severity_below", [corruption] * entries, below[corruption]
    whole = _mean([surfaces[name] for name in curve.names])
    yield "degradation_area", [ALL_CORRUPTIONS] * entries, whole.area_estimates(level)
    worst = worst_area({name: means[name] for name in curve.names}, level)
    yield "worst_auroc", [name for name, _ in worst], [estimate for _, estimate in worst]
    if reference is not None:
        yield from _ratios(curve, reference, level)


def _ratios(curve: _Curve, reference: _Curve, level: float) -> Iterator[Summary]:
    """Corruption errors by corruption, and their means."""
    kinds = ("ce", "relative_ce")
    ratios: dict[str, dict[str, Ratio]] = {kind: {} for kind in kinds}
    found: dict[str, dict[str, list[Estimate]]] = {kind: {} for kind in kinds}
    for own, other in zip(curve.batches, reference.batches, strict=True):
        together = (
            corruption_error(own.errors, other.errors, level),
            relative_corruption_error(own.rises, other.rises, level),
        )
        for kind, ratio in zip(kinds, together, strict=True):
            found[kind] |= own.estimates(ratio.estimates(level))
            for name, numbers in own.numbers(ratio.influence).items():
                ratios[kind][name] = Ratio(numbers, positive=ratio.positive)
    entries = len(curve.clean.value)
    for name in curve.names:
        for kind in kinds:
            yield kind, [name] * entries, found[kind][name]
    for kind in kinds:
        mean = mean_ratio([ratios[kind][name] for name in curve.names])
        yield kind, [ALL_CORRUPTIONS] * entries, mean.estimates(level)


def _mean(areas: Sequence[Influence]) -> Influence:
    return combine(areas, [1 / len(areas)] * len(areas))


def _reasons(areas: Sequence[Influence]) -> list[str]:
    """Why one of the AUROCs is NaN, entry by entry; empty if none is."""
    if not any(any(area.reasons) for area in areas):
        return [""] * len(areas[0].value)
    own = zip(*(area.reasons for area in areas), strict=True)
    return [next((reason for reason in reasons if reason), "") for reasons in own]


def _crossings(severities: Array, curves: Array, floor: float) -> Array:
    """(E,) where piecewise linear curves, (severities, E), first go below `floor`; else inf."""
    below = curves < floor
    first, entries = below.argmax(0), np.arange(curves.shape[1])
    k = np.maximum(first, 1)
    start, end = curves[k - 1, entries], curves[k, entries]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (start - floor) / (start - end)
    found = severities[k - 1] + share * (severities[k] - severities[k - 1])
    return np.where(below.any(0), np.where(first == 0, 0.0, found), np.inf)
