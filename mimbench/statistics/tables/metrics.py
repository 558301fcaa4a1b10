"""The metrics table: every number of a run with its interval, from the three tables alone."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.tables import RunTables
from mimbench.statistics.core.bootstrap import Resamples
from mimbench.statistics.run.comparison_sets import ComparisonSet
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Question, Row
from mimbench.statistics.tables.row_metrics import Block, row_blocks
from mimbench.statistics.tables.texts import Codes, Texts

__all__ = ["METRIC_COLUMNS", "metrics_table"]

METRIC_COLUMNS = {
    "row": "str",  # name of the score
    "detector": "str",  # name of the recipe
    "question": "str",  # "detection" (ID = target) or "open-set" (ID = target + known)
    "role": "str",  # of the OOD side; "ood" = unknown + abnormal, for open-set
    "relation": "str",  # OOD images are from the target's source ("same-source") or "other-source"
    "category": "str",  # empty: mean over the categories of this role and relation
    "corruption": "str",  # "clean", a corruption, or "*": mean over all corruptions
    "severity": "int64",  # 0 clean, 1..5, -1: mean over the severities present
    "protocol": "str",  # "both" sides corrupted, or "target-only"
    "metric": "str",  # name of one of definitions.METRICS
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "method": "str",  # how the interval was made
    "reason": "str",  # why the value, or else its interval, is NaN
    "n_target": "int64",  # ID images
    "n_target_patients": "int64",
    "n_other": "int64",  # OOD images
    "n_other_patients": "int64",
    "n_fits": "int64",
    "fold_sd": "float64",  # spread of the values over folds; NaN if one
    "seed_sd": "float64",  # spread of the values over seeds; NaN if one
    "caution": "str",  # why the interval covers less than it says; empty if it does not
}


def metrics_table(
    tables: RunTables,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    among: NDArray[np.bool_] | None = None,
    severities: bool = True,
    layout: Layout | None = None,
    rows: Collection[str] | None = None,
    threads: int = numba.config.NUMBA_NUM_THREADS,
    tell: Callable[[float, str], None] | None = None,
) -> pd.DataFrame:
    """Compute all metrics of a run.

    A metric is computed per fit on the test images of its fold, then averaged over folds and
    seeds; a fit without fold serves every fold. Fits on another category than the target are left
    out. AUROC and average precision are in [0, 1], higher = better; FPR and detection error are
    lower = better; the AUROC drop, clean minus corrupted, is lower = more robust. Intervals hold
    for these fits and these categories.

    Args:
        tables: the three tables of a run.
        resamples: patient resamples for the intervals of average precision and FPR on clean images;
            0: none. Under a single corruption and severity there are at most 511.
        seed: of the resamples.
        level: confidence level.
        among: (N,) images of a subgroup, in the order of the images table; by default all.
        severities: whether every single severity has its numbers. Without them there are those of
            clean images and the means over severities and over corruptions, which is all that a
            leaderboard shows, in a tenth of the time.
        layout: of the tables and `among`, where there is one already.
        rows: to measure; by default all. The numbers of a row do not depend on the others.
        threads: that measure rows.
        tell: is told the share that is done, and of which row, after each row.

    Returns:
        One row per number, columns as `METRIC_COLUMNS`, texts as categories.

    Raises:
        TableError: the tables do not fit together, see `Layout`.
    """
    layout = layout or Layout(tables, among=among)
    tested = np.any(layout.test, axis=0)
    strata = np.where(layout.external, "external " + layout.category, layout.category)
    draws = Resamples(
        layout.patient,
        np.where(tested, strata, ""),
        resamples,
        np.random.default_rng(seed),
    )
    comparison_sets = [ComparisonSet(layout, question) for question in layout.questions()]

    def measure(row: Row) -> list[list[Block]]:
        values = layout.values(row)
        return [
            row_blocks(layout, comparison_set, row, values, draws, level, severities=severities)
            for comparison_set in comparison_sets
        ]

    asked = [row for row in layout.rows if rows is None or row.score in rows]
    silent = next((row for row in asked if row.reason), None)
    nothing = measure(silent) if silent else []  # the same for every row without numbers
    with ThreadPoolExecutor(threads) as pool:
        own = pool.map(lambda row: nothing if row.reason else measure(row), asked)
        measured = []
        for number, blocks in enumerate(own, start=1):
            measured.append(blocks)
            if tell is not None:
                tell(number / len(asked), asked[number - 1].score)
    parts = [
        _Part(layout, row, comparison_set.question, blocks)
        for row, of_questions in zip(asked, measured, strict=True)
        for comparison_set, blocks in zip(comparison_sets, of_questions, strict=True)
    ]
    columns = {name: _column(name, parts) for name in METRIC_COLUMNS}
    return pd.DataFrame(columns)


def _column(name: str, parts: list["_Part"]) -> Any:
    """One column of the table; texts, which repeat in millions of lines, as categories."""
    kind = METRIC_COLUMNS[name]
    if kind == "str":
        texts = Texts()
        codes = [part.codes(name, texts) for part in parts]
        return texts.column(np.concatenate(codes) if codes else np.zeros(0, np.int32))
    values = [part.column(name) for part in parts]
    return (np.concatenate(values) if values else np.zeros(0)).astype(kind)


class _Part:
    """The blocks of one row and question as columns; those of a row without numbers are shared."""

    def __init__(self, layout: Layout, row: Row, question: Question, blocks: list[Block]) -> None:
        self.blocks = blocks
        groups = question.groups + question.means
        folds = {fold for _, fold, _ in layout.cells(row)}
        tested = np.any(layout.test[sorted(folds)], axis=0)
        target = np.flatnonzero(question.id_images & tested)
        others = [group.images[tested[group.images]] for group in groups]

        def patients(images: NDArray[np.int64]) -> int:
            return len(np.unique(layout.patient[images]))

        self.whole: dict[str, Any] = {
            "row": row.score,
            "detector": row.detector,
            "question": question.name,
            "n_target": target.size,
            "n_target_patients": patients(target),
            "n_fits": len(row.fits),
        }
        if row.reason:
            self.whole |= {"reason": row.reason, "method": "", "caution": ""}
        self.entries: dict[str, list[Any]] = {
            "role": [group.role for group in groups],
            "relation": [group.relation for group in groups],
            "category": [group.category for group in groups],
            "n_other": [images.size for images in others],
            "n_other_patients": [patients(images) for images in others],
        }

    def codes(self, name: str, texts: Texts) -> Codes:
        """One column of texts, block after block."""
        size = len(self.entries["role"])
        if name in self.whole:
            return np.repeat(texts.codes([self.whole[name]]), size * len(self.blocks))
        if name in self.entries:
            return np.tile(texts.codes(self.entries[name]), len(self.blocks))
        if name == "reason":
            return np.concatenate([texts.codes(block.reasons) for block in self.blocks])
        if name in ("caution", "method"):  # about an interval; empty where there is none
            none = texts.codes([""])
            return np.concatenate(
                [
                    np.where(
                        np.isnan(block.low),
                        none,
                        texts.codes(block.cautions if name == "caution" else [block.method]),
                    )
                    for block in self.blocks
                ]
            )
        return np.repeat(texts.codes([getattr(block, name) for block in self.blocks]), size)

    def column(self, name: str) -> NDArray[Any]:
        """One column of numbers, block after block."""
        size = len(self.entries["role"])
        if name in self.whole:
            return np.repeat(np.asarray([self.whole[name]]), size * len(self.blocks))
        if name in self.entries:
            return np.tile(np.asarray(self.entries[name]), len(self.blocks))
        values = [getattr(block, name) for block in self.blocks]
        if isinstance(values[0], np.ndarray):
            return np.concatenate(values)
        return np.repeat(np.asarray(values), size)
