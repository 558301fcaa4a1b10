"""Loss curves of a run's trainings as a table: training.csv."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimbench.csv_files.writing import write_csv
from mimbench.evaluation.fitting import Fit

__all__ = ["write_curves"]


def write_curves(fits: Sequence[Fit], path: Path) -> Iterator[str]:
    """Loss curves of all fits that have some, one line per value: training.csv.

    Yields:
        A sentence for each fit whose history is something else.
    """
    lines: list[dict[str, Any]] = []
    for fit in fits:
        try:
            lines += _curves(fit)
        except (AttributeError, KeyError, TypeError, ValueError):
            form = '[{"step": 10, "loss": 0.5}, ...]'
            yield f"{fit.spec}: its `history` is not a list of the form {form}; no loss curves."
    path.unlink(missing_ok=True)
    if lines:
        write_csv(pd.DataFrame(lines), path)


def _curves(fit: Fit) -> list[dict[str, Any]]:
    spec = fit.spec
    about = {"fit_id": fit.fit_id, "detector": spec.recipe.name, "fitted_on": spec.fitted_on}
    place = {"fold": spec.fold, "seed": spec.seed}
    return [
        {**about, **place, "step": int(entry["step"]), "loss": str(loss), "value": float(value)}
        for entry in fit.detector.history
        for loss, value in sorted(entry.items())
        if loss != "step"
    ]
