"""The leaderboard: one row per score, compared with the best control, never pooled over groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.report.leaderboard.columns import measures
from mimbench.report.leaderboard.failures import Failure
from mimbench.report.leaderboard.groups import Group, groups_of, primary_group
from mimbench.report.leaderboard.lookup import Estimate, Estimates
from mimbench.report.leaderboard.paired_differences import (
    PairedDifferences,
    Standing,
    clearly,
    standing_of,
)
from mimbench.report.leaderboard.skin_tone import ToneGap, tone_gaps
from mimbench.runfolder.reading import DetectorInfo, RunFolder
from mimbench.statistics.core.estimate import Estimate as Difference
from mimbench.statistics.run.controls import controls_of, row_facts
from mimbench.statistics.tables.larger_controls import larger_size_warnings

__all__ = ["Entry", "Leaderboard", "build_leaderboard"]


@dataclass(frozen=True)
class Entry:
    """One score of one detector.

    Attributes:
        cells: estimates by group and name of the column (`columns.measures`).
        best_control: by group, row and clean AUROC of the highest control that sees images of this
            row's size, see `controls_of`; empty for controls.
        over_control: clean AUROC minus that of this best control, paired.
        over_best: clean AUROC minus that of the group's best detector, paired; for other headline
            scores of detectors.
        tones: by group, the worst skin tone and the gap to the best.
    """

    row: str
    detector: DetectorInfo
    headline: bool
    cells: Mapping[Group, Mapping[str, Estimate]]
    best_control: Mapping[Group, tuple[str, float]]
    over_control: Mapping[Group, Difference]
    over_best: Mapping[Group, Difference]
    tones: Mapping[Group, ToneGap] = field(default_factory=dict)

    def standing(self, group: Group) -> Standing:
        """Where the row stands against the best control."""
        return "control" if self.control else standing_of(self.over_control.get(group))

    def as_good_as_best(self, group: Group) -> bool:
        """Whether the row is not significantly worse than the best detector (95 %, paired).

        Where retraining is unknown, so is that; then it is not.
        """
        gap = self.over_best.get(group)
        return gap is not None and not isnan(gap.p) and (gap.value >= 0 or not clearly(gap))

    @property
    def open_set(self) -> bool:
        """Whether it asks if an image is of any known category, not if it is of the target."""
        return self.detector.asks(self.row) == "open-set"

    @property
    def control(self) -> bool:
        """Whether the row is a control, see `mimbench.detectors.controls`."""
        return self.detector.control

    def cell(self, group: Group | None, measure: str) -> Estimate | None:
        """One estimate of this row, None where it was not measured."""
        return self.cells.get(group, {}).get(measure) if group is not None else None


@dataclass(frozen=True)
class Leaderboard:
    """Entries in order of the primary group's clean AUROC, headline scores first.

    Attributes:
        groups: groups of the detection question that have numbers.
        primary: the group that sorts; None if there is no number at all.
        best_control: by group, row and clean AUROC of the highest control that a row is compared
            with; in a run of controls alone, of the highest.
        best: by group, row and clean AUROC of the highest headline score of a detector.
        corrupted_at: size of the images when they were corrupted, in words; empty if none were, or
            it is not known.
        warnings: what controls show of the images at a size that other rows do not see.
        open_groups: groups of the open-set question.
        few_trainings: rows of which too few trainings say how much retraining moves them.
    """

    entries: tuple[Entry, ...]
    failures: tuple[Failure, ...]
    groups: tuple[Group, ...]
    primary: Group | None
    best_control: Mapping[Group, tuple[str, float]]
    best: Mapping[Group, tuple[str, float]]
    corrupted_at: str
    warnings: tuple[str, ...]
    open_groups: tuple[Group, ...]
    few_trainings: tuple[str, ...]

    def entry(self, row: str) -> Entry:
        """The entry of a row."""
        return next(entry for entry in self.entries if entry.row == row)

    @property
    def first_rows(self) -> set[str]:
        """The highest headline score of each detector: one row to draw for each."""
        rows: dict[str, str] = {}
        for entry in self.entries:
            if entry.headline:
                rows.setdefault(entry.detector.name, entry.row)
        return set(rows.values())

    @property
    def leading_rows(self) -> set[str]:
        """The highest headline score of each family of detectors, and the best control."""
        rows = {self.reference} if self.reference else set()
        families: set[str] = set()
        for entry in self.entries:
            if entry.headline and not entry.control and entry.detector.family not in families:
                families.add(entry.detector.family)
                rows.add(entry.row)
        return rows

    @property
    def reference(self) -> str:
        """Row that corruption errors are relative to: the best control of the primary group."""
        if self.primary is None or self.primary not in self.best_control:
            return ""
        return self.best_control[self.primary][0]


def build_leaderboard(
    run: RunFolder,
    metrics: pd.DataFrame,
    skin_tone: pd.DataFrame | None = None,
    *,
    among: NDArray[np.bool_] | None = None,
) -> Leaderboard:
    """Arrange the metrics of a run (see `mimbench.statistics.tables.metrics`) as a leaderboard.

    Args:
        run: its folder.
        metrics: of the run.
        skin_tone: its rows by skin tone, where that is known.
        among: images that the metrics are of, as for `metrics_table`.
    """
    tones = {} if skin_tone is None else tone_gaps(skin_tone)
    estimates = Estimates(metrics)
    groups, open_groups = groups_of(metrics), groups_of(metrics, "open-set")
    failures = _failures(metrics)
    failed = {failure.row for failure in failures}
    pairs = metrics.loc[~metrics["row"].isin(failed), ["row", "detector"]].drop_duplicates()
    rows = {str(row): run.detectors[str(name)] for row, name in pairs.to_numpy()}
    cells = {row: _cells(estimates, row, groups + open_groups) for row in rows}
    facts = row_facts(run.tables)
    # a control whose fits failed has no numbers to compare with
    beside = {row: [name for name in controls_of(row, facts) if name in rows] for row in rows}
    controls = {row for row, info in rows.items() if info.control}
    compared = {control for names in beside.values() for control in names} & controls
    best_control = _highest(cells, sorted(compared or controls), groups)
    headline = [row for row, info in rows.items() if not info.control and info.is_headline(row)]
    best = _highest(cells, headline, groups)
    differences = PairedDifferences(run.tables, among)
    entries = [
        Entry(
            row=row,
            detector=info,
            headline=info.is_headline(row),
            cells=cells[row],
            best_control=(own := _highest(cells, beside[row], groups)),
            over_control=_differences(differences, row, own),
            over_best=_differences(differences, row, best) if row in headline else {},
            tones=tones.get(row, {}),
        )
        for row, info in rows.items()
    ]
    primary = primary_group(groups)
    entries.sort(key=lambda entry: _sort_key(entry, primary))
    few = _retraining_unknown(entries, primary, differences)
    return Leaderboard(
        tuple(entries),
        failures,
        groups,
        primary,
        best_control,
        best,
        run.corrupted_at if (run.tables.scores["severity"] > 0).any() else "",
        larger_size_warnings(run.tables),
        open_groups,
        few,
    )


def _retraining_unknown(
    entries: Sequence[Entry], primary: Group | None, differences: PairedDifferences
) -> tuple[str, ...]:
    """Rows with a number on the primary group and too few trainings to compare them."""
    return tuple(
        entry.row
        for entry in entries
        if primary is not None
        and _auroc(entry, primary) is not None
        and not differences.retraining_known(entry.row, primary)
    )


def _differences(
    differences: PairedDifferences, row: str, others: Mapping[Group, tuple[str, float]]
) -> dict[Group, Difference]:
    """Paired differences by group, none to the row itself."""
    return {
        group: differences.between(row, other, group)
        for group, (other, _) in others.items()
        if other != row
    }


def _cells(
    estimates: Estimates, row: str, groups: Sequence[Group]
) -> dict[Group, dict[str, Estimate]]:
    return {
        group: {
            name: found
            for name, measure in measures()
            if (found := estimates.get(row, group, measure)) is not None
        }
        for group in groups
    }


def _highest(
    cells: Mapping[str, Mapping[Group, Mapping[str, Estimate]]],
    rows: Sequence[str],
    groups: Sequence[Group],
) -> dict[Group, tuple[str, float]]:
    """Row with the highest clean AUROC of each group, and that AUROC."""
    best = {}
    for group in groups:
        found = [
            (row, estimate.value)
            for row in rows
            if (estimate := cells[row][group].get("auroc")) is not None and estimate.exists
        ]
        if found:
            best[group] = max(found, key=lambda pair: pair[1])
    return best


def _auroc(entry: Entry, group: Group | None) -> float | None:
    estimate = entry.cell(group, "auroc")
    return estimate.value if estimate is not None and estimate.exists else None


def _sort_key(entry: Entry, primary: Group | None) -> tuple[bool, bool, float, str]:
    value = _auroc(entry, primary)
    return not entry.headline, value is None, -(value or 0.0), entry.row


def _failures(metrics: pd.DataFrame) -> tuple[Failure, ...]:
    """Rows of which every number is missing, with the first reason."""
    empty = metrics.groupby("row", sort=False, observed=True)["value"].count() == 0
    reasons = metrics.drop_duplicates("row").set_index("row")["reason"]
    return tuple(Failure(str(row), str(reasons[row])) for row in empty.index[empty])
