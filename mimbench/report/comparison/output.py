"""Runs side by side for programs: CSV and JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from mimbench.report.comparison.rows import RunComparison

__all__ = ["comparison_frame", "comparison_json"]


def comparison_frame(made: Sequence[RunComparison]) -> pd.DataFrame:
    """All comparisons below each other; `run` and `against` name the folders."""
    return pd.concat(
        [own.lines.assign(run=str(own.second.path), against=str(own.first.path)) for own in made],
        ignore_index=True,
    )


def comparison_json(made: Sequence[RunComparison]) -> list[dict[str, Any]]:
    """The comparisons for a program."""
    return [
        {
            "run": str(own.second.path),
            "against": str(own.first.path),
            "differences": [asdict(difference) for difference in own.differences],
            "lines": own.lines.to_dict("records"),
            "missing": list(own.missing),
            "images": own.images,
        }
        for own in made
    ]
