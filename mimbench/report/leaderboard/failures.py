"""Rows without any number, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["NOT_RUN", "Failure", "rows_together", "told_together"]

NOT_RUN = "not run"  # how the reason of a row begins that a fit cannot give
NAMED = 3  # rows of one detector that are named when they are told together


@dataclass(frozen=True)
class Failure:
    """A row without any number, and why."""

    row: str
    reason: str

    @property
    def not_run(self) -> bool:
        """Whether nothing failed: the run lacks what the row needs."""
        return self.reason.startswith(NOT_RUN)

    @property
    def words(self) -> str:
        """Why, as a sentence that says whether it failed or was not run."""
        return self.reason if self.not_run else f"failed: {self.reason}"


def told_together(failures: Iterable[Failure]) -> list[Failure]:
    """One failure for all rows of a detector that have the same reason, named or counted."""
    together: dict[tuple[str, str], list[str]] = {}
    for failure in failures:
        key = failure.row.partition("/")[0], failure.reason
        together.setdefault(key, []).append(failure.row)
    return [
        Failure(_named(detector, rows), reason) for (detector, reason), rows in together.items()
    ]


def rows_together(rows: Iterable[str]) -> str:
    """Rows in a sentence, those of one detector named or counted."""
    together: dict[str, list[str]] = {}
    for row in rows:
        together.setdefault(row.partition("/")[0], []).append(row)
    return ", ".join(_named(detector, own) for detector, own in together.items())


def _named(detector: str, rows: Sequence[str]) -> str:
    return ", ".join(rows) if len(rows) <= NAMED else f"{detector} ({len(rows)} scores)"
