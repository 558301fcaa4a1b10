"""The leaderboard: one row per score, compared with the best control, never pooled over groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mimbench.report.estimates import MEAN_CELL, Estimate, Estimates
from mimbench.report.folder import DetectorInfo, RunFolder
from mimbench.report.groups import Group, groups_of, primary_group

__all__ = ["Entry", "Failure", "Leaderboard", "Standing", "build_leaderboard"]

Standing = Literal["control", "above", "uncertain", "not above", "no control"]

# Column of the leaderboard -> metric, condition and protocol of the metrics table.
MEASURES: dict[str, tuple[str, tuple[str, int], str]] = {
    "auroc": ("auroc", ("clean", 0), "both"),
    "fpr95_target": ("fpr95_target", ("clean", 0), "both"),
    "fpr95_ood": ("fpr95_ood", ("clean", 0), "both"),
    "auroc_corrupted": ("auroc", MEAN_CELL, "both"),
    "drop": ("auroc_drop", MEAN_CELL, "both"),
    "drop_target_only": ("auroc_drop", MEAN_CELL, "target-only"),
}


@dataclass(frozen=True)
class Entry:
    """One score of one detector.

    Attributes:
        cells: estimates by group and name of the measure (`MEASURES`).
        standing: how the clean AUROC of each group compares with the best control of that group.
    """

    row: str
    detector: DetectorInfo
    headline: bool
    cells: Mapping[Group, Mapping[str, Estimate]]
    standing: Mapping[Group, Standing]

    @property
    def control(self) -> bool:
        """Whether the row cannot know the target's lesions."""
        return self.detector.control

    def cell(self, group: Group | None, measure: str) -> Estimate | None:
        """One estimate of this row, None where it was not measured."""
        return self.cells.get(group, {}).get(measure) if group is not None else None


@dataclass(frozen=True)
class Failure:
    """A row without any number, and why."""

    row: str
    reason: str


@dataclass(frozen=True)
class Leaderboard:
    """Entries in order of the primary group's clean AUROC, headline scores first.

    Attributes:
        groups: groups of the detection question that have numbers.
        primary: the group that sorts; None if there is no number at all.
        best_control: per group the control with the highest clean AUROC.
        open_set: clean AUROC of the open-set question by row, over `open_groups`.
    """

    entries: tuple[Entry, ...]
    failures: tuple[Failure, ...]
    groups: tuple[Group, ...]
    primary: Group | None
    best_control: Mapping[Group, tuple[str, float]]
    open_groups: tuple[Group, ...]

    def best(self, group: Group) -> Entry | None:
        """The detector (no control) with the highest clean AUROC of a group."""
        entries = [
            entry
            for entry in self.entries
            if entry.headline and not entry.control and _auroc(entry, group) is not None
        ]
        return max(entries, key=lambda entry: _auroc(entry, group) or 0.0, default=None)


def build_leaderboard(run: RunFolder, metrics: pd.DataFrame) -> Leaderboard:
    """Arrange the metrics of a run (see `mimbench.statistics.metrics`) as a leaderboard."""
    estimates = Estimates(metrics)
    groups, open_groups = groups_of(metrics), groups_of(metrics, "open-set")
    infos = run.detectors
    failures = _failures(metrics)
    failed = {failure.row for failure in failures}
    pairs = metrics.loc[~metrics["row"].isin(failed), ["row", "detector"]].drop_duplicates()
    rows = {str(row): infos[str(name)] for row, name in pairs.to_numpy()}
    cells = {row: _cells(estimates, row, groups + open_groups) for row in rows}
    controls = {row: cells[row] for row, info in rows.items() if info.control}
    best = {group: found for group in groups if (found := _highest(controls, group))}
    primary = primary_group(groups)
    entries = [
        Entry(
            row=row,
            detector=info,
            headline=info.is_headline(row),
            cells=cells[row],
            standing={group: _standing(info, cells[row], group, best) for group in groups},
        )
        for row, info in rows.items()
    ]
    entries.sort(key=lambda entry: _sort_key(entry, primary))
    return Leaderboard(tuple(entries), failures, groups, primary, best, open_groups)


def _cells(
    estimates: Estimates, row: str, groups: Sequence[Group]
) -> dict[Group, dict[str, Estimate]]:
    return {
        group: {
            name: found
            for name, (metric, cell, protocol) in MEASURES.items()
            if (found := estimates.get(row, group, metric, cell, protocol)) is not None
        }
        for group in groups
    }


def _highest(
    cells: Mapping[str, Mapping[Group, Mapping[str, Estimate]]], group: Group
) -> tuple[str, float] | None:
    """Row and clean AUROC of the best among `cells` on a group."""
    found = [
        (row, estimate.value)
        for row, values in cells.items()
        if (estimate := values[group].get("auroc")) is not None and estimate.exists
    ]
    return max(found, key=lambda pair: pair[1], default=None)


def _standing(
    info: DetectorInfo,
    values: Mapping[Group, Mapping[str, Estimate]],
    group: Group,
    best: Mapping[Group, tuple[str, float]],
) -> Standing:
    estimate = values[group].get("auroc")
    if info.control:
        return "control"
    if group not in best or estimate is None or not estimate.exists:
        return "no control"
    control = best[group][1]
    if estimate.value <= control:
        return "not above"
    # Without an interval nothing shows that the difference is more than chance.
    return "above" if estimate.has_interval and estimate.low > control else "uncertain"


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
