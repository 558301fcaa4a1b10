"""Rows of a run that are made of its other rows, once those are scored."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from mimbench.detectors.build import combines
from mimbench.errors import TableError
from mimbench.recipes import Recipe, content_hash
from mimbench.scores.coding import join_scores
from mimbench.scores.tables import SCORE_COLUMNS, RunTables, more_fits
from mimbench.statistics.tables.ensemble import Ensemble, ensembles, score_ensemble

__all__ = ["FAMILY", "combine_rows", "combining"]

FAMILY = "ensemble"


def combining(recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """Those recipes whose detector is made of other rows."""
    return tuple(recipe for recipe in recipes if combines(recipe))


def combine_rows(
    tables: RunTables, recipes: Sequence[Recipe]
) -> tuple[RunTables, tuple[tuple[str, str], ...]]:
    """Add the rows that are made of others. What cannot be made is a failed row with its reason.

    Args:
        tables: of a run whose other rows are scored.
        recipes: all of the run.

    Returns:
        The tables with the new rows, and (row, reason) of each that failed.
    """
    categories = [name for name in tables.fits["fitted_on"].unique() if name != "nothing"]
    target = tables.images.loc[tables.images["role"] == "target", "category"].iloc[0]
    fits: list[dict[str, Any]] = []
    scores: list[pd.DataFrame] = []
    for recipe in combining(recipes):
        rows = combines(recipe)
        for category in dict.fromkeys([target, *categories]):
            try:
                found = ensembles(tables, rows, category)
            except TableError as error:
                fits.append(_fit(tables, recipe, rows, category, str(error)))
                continue
            for ensemble in found:
                made, block = _made(tables, recipe, ensemble)
                fits.append(made)
                scores.append(block)
    if not fits:
        return tables, ()
    joined = replace(
        tables,
        scores=join_scores([tables.scores, *scores]),
        fits=more_fits(tables.fits, pd.DataFrame(fits)),
    )
    failures = tuple(
        (str(fit["detector"]), str(fit["reason"])) for fit in fits if fit["status"] != "ok"
    )
    return joined, failures


def _made(
    tables: RunTables, recipe: Recipe, ensemble: Ensemble
) -> tuple[dict[str, Any], pd.DataFrame]:
    """The fit of an ensemble, and its scores; none if it failed."""
    rows = [member.row for member in ensemble.members]
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in SCORE_COLUMNS.items()})
    fit = {
        **_fit(tables, recipe, rows, ensemble.fitted_on, ""),
        "fold": ensemble.fold,
        "seed": ensemble.seed,
    }
    members = [[member.row, member.fit_id, member.state_hash] for member in ensemble.members]
    fit["fit_id"] = content_hash([recipe.name, members, ensemble.fold, ensemble.seed])[:16]
    fit["state_hash"] = content_hash(members)
    try:
        block = score_ensemble(tables, ensemble)
    except TableError as error:
        return {**fit, "status": "failed", "reason": f"combine: {error}", "state_hash": ""}, empty
    block = block.assign(fit_id=fit["fit_id"], score=recipe.row(""))
    return fit, block[list(SCORE_COLUMNS)]


def _fit(
    tables: RunTables, recipe: Recipe, rows: Sequence[str], fitted_on: str, problem: str
) -> dict[str, Any]:
    """A line of the fits table.

    What is made of controls alone is a control itself. The input size is that of all its rows; 0 if
    they differ, so that the row is compared with controls of every size.
    """
    detectors = [row.partition("/")[0] for row in rows]
    members = tables.fits[tables.fits["detector"].isin(detectors)]
    sizes = members["input_size"].unique()
    return {
        "fit_id": f"failed-{content_hash([recipe.name, fitted_on])[:9]}",
        "detector": recipe.name,
        "fitted_on": fitted_on,
        "withheld": "",
        "study": "",
        "fold": None,
        "seed": None,
        "control": recipe.control or bool(len(members) and members["control"].all()),
        "family": FAMILY,
        "input_size": int(sizes[0]) if len(sizes) == 1 else 0,
        "status": "failed" if problem else "ok",
        "reason": f"combine: {problem}" if problem else "",
        "recipe_hash": content_hash(recipe.model_dump(mode="json")),
        "state_hash": "",
        "seconds": 0.0,
        "versions": "{}",
    }
