"""Verdicts as a table for the run folder and the page, and as text."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from mimbench.claims.judgement import Verdict
from mimbench.claims.statement import ClaimsFile
from mimbench.runfolder.derived import write_derived
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.cautions import MARK, legend

__all__ = ["as_text", "claimed", "exit_code", "verdict_table", "write_verdicts"]

WORDS = (
    "supported",
    "refuted",
    "not reproduced",
    "inconclusive",
    "confounded",
    "not tested",
)
WIDTH = 100


def verdict_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row of text per verdict, for verdicts.csv and the page."""
    return pd.DataFrame(
        [
            {
                "verdict": own.verdict,
                "claim": own.statement,
                "id": own.claim,
                "row": own.row,
                "reading": "headline" if own.headline else "further",
                "measured": own.effect,
                "effect": _number(own.value),
                "interval_95": f"[{_number(own.low)}, {_number(own.high)}]" if own.effect else "",
                "claimed": _number(own.threshold),
                "p_adjusted": _p(own.p),
                "target_patients": own.target_patients,
                "other_patients": own.other_patients,
                "more_target_patients": _count(own.more_target_patients),
                "why": own.explanation,
                "caution": own.caution,
            }
            for own in verdicts
        ]
    )


def write_verdicts(verdicts: Sequence[Verdict], folder: Path, tables: RunTables) -> Path:
    """Write verdicts.csv into a run's folder; the page shows it beside the tables it judges.

    Args:
        verdicts: of `verify`.
        folder: of the run.
        tables: that were judged, as read from the folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / "verdicts.csv"
    write_derived(verdict_table(verdicts), path, tables)
    return path


def as_text(verdicts: Sequence[Verdict], claims: ClaimsFile) -> str:
    """Verdicts as sentences for a terminal."""
    counts = Counter(own.verdict for own in verdicts)
    summary = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    rules = (
        "p is over patients and retraining, Holm-adjusted over all verdicts that the run can test; "
        f"a verdict is clear below {claims.alpha:g}. They speak of this implementation and these "
        "images."
    )
    blocks = [f"Claims of {claims.name}: {summary}.\n{fill(rules, WIDTH)}"]
    blocks += ["\n".join(_lines(own)) for own in verdicts]
    marked = legend(own.caution for own in verdicts)
    blocks += [fill(marked, WIDTH)] * bool(marked)
    return "\n\n".join(blocks) + "\n"


def exit_code(verdicts: Sequence[Verdict], *, strict: bool = False) -> int:
    """0; with `strict` 1 unless all are supported."""
    return int(strict and any(own.verdict != "supported" for own in verdicts))


def _lines(own: Verdict) -> list[str]:
    reading = "" if own.headline else ", a further reading"
    lines = [f"{own.verdict.upper()}  {own.claim} ({own.row}{reading})", own.statement]
    if own.effect:
        measured = (
            f"{own.effect}: {_number(own.value)} [{_number(own.low)}, {_number(own.high)}]"
            f"{MARK * bool(own.caution)}, claimed: {claimed(own.threshold)}; "
        )
        measured += f"adjusted p {_p(own.p)}; " if not np.isnan(own.p) else ""
        others = f" and {own.other_patients} other" if own.other_patients else ""
        lines.append(f"{measured}{own.target_patients} target{others} patients.")
    lines += [own.explanation] * bool(own.explanation)
    return [fill(line, WIDTH, initial_indent="  " * (k > 0), subsequent_indent="  ")
            for k, line in enumerate(lines)]  # fmt: skip


def claimed(threshold: float) -> str:
    """What an effect has to reach, e.g. "0.800 or more"; a difference has to be above 0."""
    return "above 0" if threshold == 0 else f"{_number(threshold)} or more"


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _p(value: float) -> str:
    if np.isnan(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _count(value: float) -> str:
    return "" if np.isnan(value) else str(int(value))
