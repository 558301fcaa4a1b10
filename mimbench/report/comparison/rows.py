"""Paired differences between two runs, row by row, over patients and retraining."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import pandas as pd

from mimbench.errors import TableError
from mimbench.gate import (
    Aligned,
    GateSettings,
    align,
    of_same_models,
    row_fits,
    same_scores,
    same_weights,
)
from mimbench.report.comparison.facts import (
    RunDifference,
    names_of,
    run_differences,
    same_code,
)
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.cautions import difference_cautions
from mimbench.statistics.run.comparisons import Quantity, RunAurocs, holm
from mimbench.statistics.run.uncertainty import Measured
from mimbench.statistics.tables.row_metrics import ALL_CORRUPTIONS, MEAN_SEVERITY

__all__ = ["COMPARISON_COLUMNS", "RunComparison", "compare_runs"]

COMPARISON_COLUMNS = {
    "row": "name of the score",
    "role": "of the other images",
    "relation": "same-source or other-source",
    "condition": "clean, or corrupted: the mean over all corruptions and severities",
    "first": "AUROC in the first run, on the images that both have",
    "second": "AUROC in the other run, on the same images",
    "difference": "second minus first; above 0 the other run is better",
    "low": "lower end of the 95 % interval, over patients and retraining",
    "high": "upper end of it",
    "p": "two-sided, Holm-adjusted over all lines; none where retraining is unknown",
    "target_patients": "of the target",
    "other_patients": "of the other categories",
    "models": "same scores, same ranks of all images, same trained models, or trained anew",
    "caution": "why the interval covers less than it says; empty if it does not",
}


@dataclass(frozen=True)
class RunComparison:
    """Two runs side by side.

    Attributes:
        differences: what differs in plan, recipes, data and versions.
        lines: one line per shared row, group and condition; columns as `COMPARISON_COLUMNS`.
        missing: rows that one of the runs lacks, and detectors without scores, each a sentence.
        aligned: both runs on the images and conditions that they share.
    """

    first: RunFolder
    second: RunFolder
    differences: tuple[RunDifference, ...]
    lines: pd.DataFrame
    missing: tuple[str, ...]
    aligned: Aligned

    @property
    def images(self) -> int:
        """Images that are test images in both."""
        return int(self.aligned.tested.sum())

    @property
    def names(self) -> tuple[str, str]:
        """Names of the runs, or their folders where the names are the same."""
        return names_of(self.first, self.second)


def compare_runs(first: RunFolder, second: RunFolder) -> RunComparison:
    """Compare two runs on the rows, images and conditions that both have.

    Args:
        first: the run that the differences are taken from.
        second: the other run.

    Raises:
        TableError: the runs have no image or no row in common.
    """
    ids = first.tables.images["image_id"]
    if not ids.isin(second.tables.images["image_id"]).any():
        raise TableError(f"{first.name} and {second.name} have no image in common.")
    aligned = align(first.tables, second.tables, GateSettings())
    sides = [RunAurocs(run, among=aligned.tested) for run in (aligned.reference, aligned.candidate)]
    rows = [set(_scored(aligned, side)) for side in (0, 1)]
    shared = [row for row in _scored(aligned, 0) if row in rows[1]]
    if not shared:
        raise TableError(f"{first.name} and {second.name} have no row in common.")
    lines = [
        line
        for row in shared
        for line in _lines(
            row, aligned, *sides, one_code=same_code(first, second, row.partition("/")[0])
        )
    ]
    table = pd.DataFrame(lines, columns=list(COMPARISON_COLUMNS))
    known = table["p"].notna()
    table.loc[known, "p"] = holm(table.loc[known, "p"].to_numpy(float))
    sides_of = zip(names_of(first, second), rows, rows[::-1], strict=True)
    missing = [
        f"{', '.join(sorted(own - others))} (in {name} only)"
        for name, own, others in sides_of
        if own - others
    ]
    missing += _silent(first, rows[0]) + _silent(second, rows[1])
    return RunComparison(
        first,
        second,
        run_differences(first, second, aligned.problems),
        table,
        tuple(missing),
        aligned,
    )


def _scored(aligned: Aligned, side: int) -> list[str]:
    """Rows of the main fits of one run, sorted."""
    tables = (aligned.reference, aligned.candidate)[side]
    names = sorted(map(str, tables.scores["score"].unique()))
    return [name for name in names if len(row_fits(tables, name))]


def _silent(run: RunFolder, scored: set[str]) -> list[str]:
    """The detectors of a run that gave no score, with the reason, each a sentence."""
    fits = run.tables.fits[run.tables.main_fits]
    spoke = {row.partition("/")[0] for row in scored}
    quiet = fits[~fits["detector"].isin(spoke) & (fits["reason"] != "")]
    reasons = quiet.drop_duplicates("detector")[["detector", "reason"]].to_numpy()
    return [f"{name} has no scores in {run.name}: {why}" for name, why in reasons]


def _lines(
    row: str, aligned: Aligned, first: RunAurocs, second: RunAurocs, *, one_code: bool
) -> Iterator[dict[str, Any]]:
    """The lines of one row."""
    shared = [group for group in first.groups() if group in second.groups()]
    corrupted = (aligned.reference.scores["corruption"] != CLEAN).any()
    conditions = [("clean", CLEAN, 0)]
    conditions += [("corrupted", ALL_CORRUPTIONS, MEAN_SEVERITY)] * bool(corrupted)
    alike, same = same_weights(row, aligned), ""
    if same_scores(row, aligned):
        same = "same scores"
    elif all(first.keeps_ranks(second, Quantity(row, *group)) for group in shared):
        same = "same ranks"
    one_recipe = one_code and _recipes(row, aligned.reference) == _recipes(row, aligned.candidate)
    for role, relation in shared:
        for name, corruption, severity in conditions:
            asked = Quantity(
                row, role=role, relation=relation, corruption=corruption, severity=severity
            )
            before, after = first.measured(asked), second.measured(asked)
            # trainings of two recipes or codes may vary differently: then each side needs three
            own = of_same_models(after, before) if alike else after.minus(before, alike=one_recipe)
            models = "same models" if alike else "trained anew"
            numbers = _numbers(own, before, after)
            if same and not isnan(numbers["difference"]):
                models = same
                numbers |= {"low": 0.0, "high": 0.0, "p": 1.0, "caution": ""}
            about = {"row": row, "role": role, "relation": relation, "condition": name}
            yield about | numbers | {"models": models}


def _recipes(row: str, tables: RunTables) -> set[str]:
    return set(row_fits(tables, row)["recipe_hash"])


def _numbers(own: Measured, before: Measured, after: Measured) -> dict[str, Any]:
    """The numbers of one line; NaN where one of the AUROCs is missing."""
    (low,), (high,) = own.difference_interval()
    caution = difference_cautions([before.value, after.value], own.patients.fewest_patients)[0]
    missing = own.reasons[0]
    patients = [int(side[0]) for side in own.patients.patients]
    return {
        "first": float(before.value[0]),
        "second": float(after.value[0]),
        "difference": float(own.value[0]),
        "low": nan if missing else float(low),
        "high": nan if missing else float(high),
        "p": float(own.difference_p()[0]),
        "target_patients": patients[0],
        "other_patients": patients[1],
        "caution": missing or own.unknown[0] or caution,
    }
