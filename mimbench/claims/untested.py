"""Claims that a run cannot answer, and what to add to its command so that it can."""

from collections.abc import Collection, Iterator, Sequence

from mimbench.errors import MimbenchError, UnknownNameError
from mimbench.recipes import names, read_toml

__all__ = [
    "NotTestedError",
    "image_flag",
    "known_curve_flag",
    "row_flag",
    "row_is_missing",
    "suite_flag",
]

IMAGES = {
    "known": "--data DIR, with a folder for each known category",
    "unknown": "--unknown DIR",
    "abnormal": "--abnormal DIR, or --abnormal generated",
    "external": "--external DIR, with the target and other categories",
    "ood": "--unknown DIR or --abnormal DIR",
    "target": "--data DIR, with a folder for the target",
}


class NotTestedError(MimbenchError):
    """A claim that these tables cannot answer.

    Attributes:
        remedy: what to add to the run's command so that they can; empty where no flag would do.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        """`reason` stands within another sentence."""
        super().__init__(reason)
        self.remedy = remedy


def image_flag(role: str) -> str:
    """The flag that brings images of a role."""
    return IMAGES[role]


def known_curve_flag(known: int) -> str:
    """The flag of a known-curve for a run with so many known categories, 2 or more."""
    counts = (2**power for power in range(known.bit_length()))
    return f"--known-curve {','.join(str(count) for count in counts if count < known)}"


def row_flag(row: str) -> str:
    """The flag that adds the detector of a row."""
    return f"--detector {row.partition('/')[0]}"


def row_is_missing(row: str, rows: Collection[str], detectors: Collection[str]) -> NotTestedError:
    """That a run has no such row: a flag where that would add it, else the rows that are meant.

    Args:
        row: that a claim names.
        rows: of the run.
        detectors: of the run.
    """
    lacking = f"the run has no row '{row}'"
    owner = row.partition("/")[0]
    suggestion = UnknownNameError("row", row, rows).suggestion
    if suggestion and (owner in detectors or owner not in names("baselines")):
        return NotTestedError(f"{lacking} ({suggestion.rstrip('.')})")
    return NotTestedError(lacking, row_flag(row))


def suite_flag(corruptions: Sequence[str], *, replaces: bool = False) -> str:
    """The flag that adds a shipped suite with these corruptions; the first that has most of them.

    A corruption that no shipped suite has needs a suite file of its own. `replaces`: the run has
    suites, which the flag would replace.
    """
    suites = {name: set(_corruptions(name)) for name in sorted(names("corruptions"))}
    if tuple(corruptions) == ("*",):
        return "--suite quick"
    wanted = set(corruptions)
    best = max(suites, key=lambda name: (len(suites[name] & wanted), -len(suites[name])))
    flag = f"--suite {best}" if suites[best] & wanted else "--suite FILE.toml, with the corruption"
    rest = ", and one --suite for each suite that the run has: the flag replaces them"
    return flag + rest if replaces else flag


def _corruptions(suite: str) -> Iterator[str]:
    """Names of the corruptions of a shipped suite."""
    table, _ = read_toml("corruptions", suite)
    yield from table.get("corruptions", ())
    yield from (own["name"] for own in table.get("corruption", ()))
