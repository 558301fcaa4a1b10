"""How well fits do on their validation images, as they said themselves."""

import json

import pandas as pd

from mimbench.report.leaderboard.lookup import rounded
from mimbench.scores.tables import RunTables

__all__ = ["untaught", "validation_table"]


def validation_table(fits: pd.DataFrame) -> pd.DataFrame:
    """One line per fit that measured itself on its validation images.

    Args:
        fits: the table of a run; its column `quality`, if there is one, holds JSON.

    Returns:
        Columns `detector`, `fitted_on`, `fold`, `seed`, `fit_id`, then the fits' own measures;
        no line and no column where no fit has any.
    """
    lines = []
    for fit in fits.to_dict("records"):
        quality = json.loads(fit.get("quality") or "{}")
        if quality:
            about = {name: fit[name] for name in ("detector", "fitted_on", "fold", "seed")}
            lines.append({**about, "fit_id": fit["fit_id"], **quality})
    kinds = {"fold": "Int64", "seed": "Int64"}
    return pd.DataFrame(lines).astype(kinds) if lines else pd.DataFrame()


def untaught(tables: RunTables) -> tuple[str, ...]:
    """One sentence per classifier with fits that do no better than guessing on validation images.

    Guessing one of the target and known categories has a balanced accuracy of one over their
    number.
    """
    table = validation_table(tables.fits[tables.main_fits])
    if "balanced_accuracy" not in table:
        return ()
    seen = tables.images["role"].isin(["target", "known"])
    categories = int(tables.images.loc[seen, "category"].nunique())
    sentences = []
    for name, fits in table.dropna(subset="balanced_accuracy").groupby("detector", sort=False):
        low = fits[fits["balanced_accuracy"] <= 1 / categories]
        if len(low):
            best = rounded(low["balanced_accuracy"].max())
            only = "its only fit reached a balanced accuracy of"
            several = f"{len(low)} of {len(fits)} fits reached a balanced accuracy of at most"
            sentences.append(
                f"{name} does not tell apart the {categories} categories that it was trained on: "
                f"on its validation images {only if len(fits) == 1 else several} {best}, "
                f"and guessing reaches {rounded(1 / categories)}. Its rows do not speak for a "
                "classifier that was trained long enough."
            )
    return tuple(sentences)
