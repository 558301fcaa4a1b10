"""Which controls a row is compared with: those that see images of its own size.

A control that sees more pixels than a row can win by what the row was never shown. That is a fact
about the images, not about the row: `larger_controls` says it.
"""

from collections.abc import Mapping
from math import isnan

import pandas as pd

from mimbench.scores.tables import RunTables
from mimbench.statistics.core.estimate import Estimate

# of detectors that train on further categories, or that do not say on what
OTHER_FAMILIES = ("classifier", "ensemble", "plug-in", "elsewhere")

__all__ = ["controls_of", "row_facts", "size_of", "sized_name", "weakest_lead"]


def sized_name(detector: str, size: int) -> str:
    """Name of a control's copy that sees images of another size than its recipe says."""
    return f"{detector}-{size}px"


def row_facts(tables: RunTables) -> pd.DataFrame:
    """What the fits say of each row.

    Args:
        tables: of a run.

    Returns:
        Indexed by row; a detector without any score is a row of its own name. Columns: `detector`;
        `control`; `input_size` in pixels, 0 where it is unknown or mixed; `random`, whether fits
        draw random numbers; `learns_target`, whether it learned from target images alone, so that
        it can have a swap test.
    """
    learns = _learn_target(tables)
    fits = tables.fits.assign(random=tables.fits["seed"].notna(), learns_target=learns)
    pairs = tables.scores[["fit_id", "score"]].drop_duplicates().astype("str")
    pairs = pairs.merge(fits, on="fit_id")
    facts = {
        "detector": ("detector", "first"),
        "control": ("control", "any"),
        "input_size": ("input_size", "max"),
        "random": ("random", "any"),
        "learns_target": ("learns_target", "any"),
    }
    by_score = pairs.groupby("score").agg(**facts)
    by_detector = fits.assign(name=fits["detector"]).groupby("name").agg(**facts)
    silent = by_detector[~by_detector["detector"].isin(by_score["detector"])]
    return pd.concat([by_score, silent])


def _learn_target(tables: RunTables) -> "pd.Series[bool]":
    """Fits of detectors that learned from target images alone."""
    fits = tables.fits
    targets = tables.images.loc[tables.images["role"] == "target", "category"]
    own = fits[fits["fitted_on"].isin(targets)]
    alone = ~own["family"].isin(OTHER_FAMILIES)
    if "trains_on" in own:
        said = own["trains_on"].fillna("")
        alone = (said == "target") | (alone & (said == ""))
    return fits["detector"].isin(own.loc[alone, "detector"])


def size_of(row: str, facts: pd.DataFrame) -> int:
    """Side of the images that a row of `facts` sees, pixels; 0 where it is unknown or mixed."""
    sizes = dict(zip(facts.index, facts["input_size"], strict=True))
    return int(sizes[row])


def controls_of(row: str, facts: pd.DataFrame) -> tuple[str, ...]:
    """The controls that a row is compared with, sorted: those that see what it sees.

    Args:
        row: one of `facts`.
        facts: of `row_facts`.

    Returns:
        Controls with the row's input size; none for a row that is a control itself. For a row whose
        size is not known, or that is made of rows of several sizes, all controls: it may have seen
        what any of them saw.
    """
    if facts.at[row, "control"]:
        return ()
    size = size_of(row, facts)
    beside = facts["control"]
    if size:
        beside = beside & (facts["input_size"] == size)
    return tuple(sorted(facts.index[beside]))


def weakest_lead(leads: Mapping[str, Estimate], alpha: float) -> str:
    """The control over which a row leads least clearly; to lead over that one is to lead over all.

    A lead that is not clear comes before one that varies by an unknown amount, and that before a
    clear one; among alike the smallest.

    Args:
        leads: by control, differences with their two-sided p; at least one.
        alpha: level of p below which a difference is clear.
    """

    def clearness(name: str) -> tuple[int, float]:
        lead = leads[name]
        unknown = lead.value > 0 and isnan(lead.p)
        clear = lead.value > 0 and lead.p < alpha
        return 1 if unknown else 2 * clear, lead.value

    return min(leads, key=clearness)
