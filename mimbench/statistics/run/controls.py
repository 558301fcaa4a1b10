"""Which controls a row is compared with: those that see images of its own size.

A control that sees more pixels than a row can win by what the row was never shown. That is a fact
about the images, not about the row: `larger_controls` says it.
"""

import pandas as pd

from mimbench.scores.tables import RunTables

__all__ = ["controls_of", "row_facts", "size_of", "sized_name"]


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
        draw random numbers.
    """
    fits = tables.fits.assign(random=tables.fits["seed"].notna())
    pairs = tables.scores[["fit_id", "score"]].drop_duplicates().merge(fits, on="fit_id")
    facts = {
        "detector": ("detector", "first"),
        "control": ("control", "any"),
        "input_size": ("input_size", "max"),
        "random": ("random", "any"),
    }
    by_score = pairs.groupby("score").agg(**facts)
    by_detector = fits.assign(name=fits["detector"]).groupby("name").agg(**facts)
    silent = by_detector[~by_detector["detector"].isin(by_score["detector"])]
    return pd.concat([by_score, silent])


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
