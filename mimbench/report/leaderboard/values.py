"""What stands in a column of the leaderboard, and its text."""

from math import isfinite

from mimbench.report.leaderboard.lookup import Estimate, interval_text
from mimbench.statistics.core.estimate import Estimate as Difference

__all__ = ["Value", "cell_text"]

# An estimate or a difference has an interval, a number has three decimals, text is as it is.
Value = Estimate | Difference | float | int | str | None


def cell_text(value: Value) -> str:
    """A value in Markdown, LaTeX and on the page; empty where there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Estimate):
        return value.text()
    if isinstance(value, Difference):
        return interval_text(vars(value))
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if isfinite(value) else "n/a"
