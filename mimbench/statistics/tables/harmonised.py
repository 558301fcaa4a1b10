"""What is left of each result when all collections were cropped, resampled, re-encoded alike."""

import pandas as pd

__all__ = ["harmonise_table"]

_KEY = ["row", "role", "relation"]


def harmonise_table(harmonised: pd.DataFrame, as_is: pd.DataFrame) -> pd.DataFrame:
    """Clean AUROC of each row per role and source, on images as they are and harmonised.

    Args:
        harmonised: metrics table of the run on harmonised images.
        as_is: metrics table of the same run on the images as they are.

    Returns:
        row, role, relation, as_is, as_is_low, as_is_high, harmonised, harmonised_low,
        harmonised_high, change (harmonised minus as is; AUROC, in [-1, 1]).
    """
    parts = {"as_is": _clean_areas(as_is), "harmonised": _clean_areas(harmonised)}
    named = [
        part.rename(columns={"value": name, "low": f"{name}_low", "high": f"{name}_high"})
        for name, part in parts.items()
    ]
    both = named[0].merge(named[1], on=_KEY)
    return both.assign(change=both["harmonised"] - both["as_is"])


def _clean_areas(metrics: pd.DataFrame) -> pd.DataFrame:
    wanted = (
        (metrics["question"] == "detection")
        & (metrics["category"] == "")
        & (metrics["corruption"] == "clean")
        & (metrics["metric"] == "auroc")
    )
    return metrics.loc[wanted, [*_KEY, "value", "low", "high"]]
