"""Which images moved most in rank between two runs, and so made an AUROC rise or fall."""

import pandas as pd

from mimbench.gate.comparability import align, row_fits
from mimbench.gate.settings import GateSettings
from mimbench.scores.splits import SHIFTED, split_column, split_columns
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.run.comparisons import RunAurocs

__all__ = ["MOVER_COLUMNS", "movers"]

MOVER_COLUMNS = ("row", "image_id", "path", "category", "role", "before", "after", "harm")
ROUNDING = 1e-9  # of a mean of ranks


def movers(
    reference: RunTables,
    candidate: RunTables,
    rows: tuple[str, ...],
    count: int = 10,
    *,
    role: str = "",
    relation: str = "",
) -> pd.DataFrame:
    """Clean test images whose rank among the test images of a fit changed most to the worse.

    Args:
        reference: tables of the run that is good enough.
        candidate: tables of the run in question.
        rows: scores to explain; those that either run lacks are left out.
        count: images per row.
        role: of the images whose ranks are compared, with those of the target; empty: all images.
        relation: of these images to the target's source.

    Returns:
        Columns as `MOVER_COLUMNS`: `before` and `after` are mean ranks in [0, 1], 1 = least like
        the target; `harm` in [-1, 1] is how far the image moved towards the wrong end, most first.
    """
    aligned = align(reference, candidate, GateSettings())
    judged = _judged(aligned.reference, role, relation)
    tables = [
        _most_harmed(row, aligned.reference, aligned.candidate, count, judged)
        for row in rows
        if len(row_fits(aligned.reference, row)) and len(row_fits(aligned.candidate, row))
    ]
    found = [table for table in tables if len(table)]
    if not found:
        return pd.DataFrame(columns=list(MOVER_COLUMNS))
    moved = pd.concat(found)
    # a compact reference has no paths
    paths = moved["image_id"].map(candidate.images.set_index("image_id")["path"]).fillna("")
    return moved.assign(path=moved["path"].where(moved["path"] != "", paths))


def _judged(run: RunTables, role: str, relation: str) -> set[str]:
    """Ids of the images that an AUROC of this role and relation is of; all without a role."""
    images = run.images
    if role:
        categories = RunAurocs(run).categories(role, relation)
        side = "external" if role == "external" else "target"
        names = images.loc[images["role"] == "target", "category"]
        target = images["role"].eq(side) & images["category"].isin(names)
        images = images[target | (images["role"].eq(role) & images["category"].isin(categories))]
    return set(images["image_id"])


def _most_harmed(
    row: str, reference: RunTables, candidate: RunTables, count: int, judged: set[str]
) -> pd.DataFrame:
    table = reference.images.set_index("image_id")
    table = table.assign(
        before=_ranks(reference, row, judged), after=_ranks(candidate, row, judged)
    )
    table = table.dropna(subset=["before", "after"])
    up = table["after"] - table["before"]
    target = set(table.loc[table["role"] == "target", "category"])
    table["harm"] = up.where(table["category"].isin(target), -up)
    worst = table[table["harm"] > ROUNDING].nlargest(count, "harm").reset_index()
    return worst.assign(row=row)[list(MOVER_COLUMNS)]


def _ranks(run: RunTables, row: str, judged: set[str]) -> "pd.Series[float]":
    """Mean over the fits of the rank in [0, 1] of each test image that is judged."""
    scores = run.scores[(run.scores["score"] == row) & (run.scores["corruption"] == CLEAN)]
    fits = row_fits(run, row)[["fit_id", "fold"]]
    # columns of the user's own may have any name
    used = [name for name in run.images if name in ("image_id", "role") or split_columns([name])]
    table = scores.merge(fits, on="fit_id").merge(run.images[used], on="image_id")
    table = table[_is_test(table) & table["image_id"].isin(judged)]
    return (
        table["value"]
        .groupby(table["fit_id"], observed=True)
        .rank(pct=True)
        .groupby(table["image_id"], observed=True)
        .mean()
    )


def _is_test(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the image is a test image in the fold of the fit, or in any for fits without."""
    splits = split_columns(table)
    test = table["role"].isin(SHIFTED) | (not splits)
    for fold in range(len(splits)):
        own = table["fold"].isna() | (table["fold"] == fold)
        test |= own.fillna(True) & (table[split_column(fold)] == "test")
    return test
