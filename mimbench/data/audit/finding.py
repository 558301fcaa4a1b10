"""One thing that an audit has to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

__all__ = ["SAID", "Finding", "Severity", "examples"]

Severity = Literal["error", "warning", "note"]
SAID = ("severity", "check", "message")  # of a finding, in tables


@dataclass(frozen=True)
class Finding:
    """A sentence with its weight.

    Attributes:
        severity: "error" (results would be wrong: a leak), "warning" (results may mislead) or
            "note".
        check: which check speaks, e.g. "repeated files".
        message: what was found, where, and what to do.
        picture: for the audit's page, as a data URI; mostly empty.
    """

    severity: Severity
    check: str
    message: str
    picture: str = ""


def examples(paths: Sequence[str] | pd.Series, most: int = 3) -> str:
    """The first few of `paths`, and how many more there are."""
    named = [path or "a generated image" for path in paths]
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more
