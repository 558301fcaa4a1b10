"""How well fits do on their validation images, as they said themselves."""

import json

import pandas as pd

__all__ = ["validation_table"]


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
