"""Clean test scores by row, fit and group: what ROC curves and distributions are drawn from."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.ranking.roc import auroc, roc_points
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Question, Row
from mimbench.statistics.run.threshold import frozen_thresholds, validation_masks

__all__ = [
    "EXTERNAL_TARGET",
    "GRID",
    "TARGET",
    "FitSample",
    "clean_samples",
    "fit_auroc",
    "mean_roc",
    "standardised",
    "standardised_threshold",
]

TARGET, EXTERNAL_TARGET = "target", "external target"
Values = npt.NDArray[np.float64]
GRID: Values = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class FitSample:
    """Test scores of one fit on one fold without corruption; higher = less like the target.

    Attributes:
        fold, seed: of the fit; seed -1 if it draws no random number.
        target: scores of the target images.
        others: scores by group and category.
        threshold: frozen on validation images; NaN where there is none.
        reference: scores of the run's own target images, which give the fit's scale.
        external: whether target and others are external images.
    """

    fold: int
    seed: int
    target: Values
    others: dict[Group, dict[str, Values]]
    threshold: float
    reference: Values
    external: bool = False


def clean_samples(tables: RunTables, rows: Collection[str]) -> dict[str, list[FitSample]]:
    """Samples by row, one for each fit and fold that it serves; failed rows are left out."""
    scores = tables.scores
    clean = scores[(scores["corruption"] == CLEAN) & scores["score"].isin(list(rows))]
    if clean.empty:
        return {}
    layout = Layout(RunTables(clean, tables.fits, tables.images))
    questions = [question for question in layout.questions() if question.name == "detection"]
    validation = validation_masks(tables, layout)
    samples: dict[str, list[FitSample]] = {}
    for row in layout.rows:
        if row.score not in rows or row.reason:
            continue
        found = [
            sample for asked in questions for sample in _samples(layout, row, asked, validation)
        ]
        if found:
            samples[row.score] = found
    return samples


def _samples(
    layout: Layout, row: Row, question: Question, validation: npt.NDArray[np.bool_]
) -> Iterator[FitSample]:
    """Test scores of each fit of a row on the images of a question."""
    values = layout.values(row)
    external = question.groups[0].role == "external"
    thresholds, _ = frozen_thresholds(layout, row, values, validation, external)
    for (position, fold, seed), threshold in zip(layout.cells(row), thresholds, strict=True):
        own, test = values[position, 0], layout.test[fold]
        others: dict[Group, dict[str, Values]] = {}
        for group in question.groups:
            members = group.images[test[group.images]]
            if members.size:
                place = others.setdefault(Group(group.role, group.relation), {})
                place[group.category] = own[members]
        target, home = own[question.id_images & test], own[(layout.role == "target") & test]
        if target.size:
            scale = home if home.size else target
            yield FitSample(fold, seed, target, others, float(threshold), scale, external)


def mean_roc(samples: Sequence[FitSample], group: Group) -> Values | None:
    """Share of other images refused where `GRID` of the target images are refused.

    The mean over categories within a fit, then over fits, as the AUROC of the leaderboard.
    """
    curves = [
        np.mean([_roc(sample.target, values) for values in sample.others[group].values()], axis=0)
        for sample in samples
        if group in sample.others
    ]
    return np.asarray(np.mean(curves, axis=0), np.float64) if curves else None


def _roc(target: Values, other: Values) -> Values:
    refused_target, refused_other = roc_points(target, other)
    # The shift keeps vertical steps in order for np.interp without moving them visibly.
    steps = np.arange(refused_target.size) * 1e-12
    curve: Values = np.interp(GRID, refused_target + steps, refused_other)
    return curve


def fit_auroc(sample: FitSample, group: Group) -> float | None:
    """Clean AUROC of one fit, the mean over the categories of a group."""
    if group not in sample.others:
        return None
    return float(np.mean([auroc(sample.target, v).value for v in sample.others[group].values()]))


def standardised(samples: dict[str, list[FitSample]]) -> pd.DataFrame:
    """Scores in spreads (interquartile ranges) above the median of the fit's target images.

    Fits have scales of their own; only after this can their images stand in one picture.

    Returns:
        Columns `row`, `group` (`TARGET`, `EXTERNAL_TARGET` or a group's label), `value`.
    """
    frames = []
    for row, of_row in samples.items():
        for sample in of_row:
            middle, spread = _scale(sample)
            called = EXTERNAL_TARGET if sample.external else TARGET
            parts = {called: sample.target} | {
                group.label: np.concatenate(list(values.values()))
                for group, values in sample.others.items()
            }
            frames += [
                pd.DataFrame({"row": row, "group": label, "value": (values - middle) / spread})
                for label, values in parts.items()
            ]
    return pd.concat(frames, ignore_index=True)


def standardised_threshold(samples: Sequence[FitSample]) -> float:
    """Where the frozen threshold lies on the scale of `standardised`: the median over fits."""
    own = [sample for sample in samples if not sample.external] or samples
    scales = [(sample.threshold, *_scale(sample)) for sample in own]
    return float(np.median([(threshold - middle) / spread for threshold, middle, spread in scales]))


def _scale(sample: FitSample) -> tuple[float, float]:
    """Median and interquartile range of the target's scores."""
    low, middle, high = np.percentile(sample.reference, [25, 50, 75])
    return float(middle), float(high - low) or 1.0
