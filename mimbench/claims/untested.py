"""Claims that a run cannot answer, and what to add to its command so that it can."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mimbench.errors import MimbenchError, UnknownNameError
from mimbench.recipes import names, read_toml

__all__ = [
    "NotTestedError",
    "category_is_missing",
    "corruptions_are_missing",
    "image_flag",
    "known_curve_flag",
    "row_flag",
    "row_is_missing",
    "together",
]

FEW = 8  # names that are all told

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


def category_is_missing(category: str, role: str, known: Collection[str]) -> NotTestedError:
    """That a run has no such category: the one that is meant, or the flag that adds images of it.

    Args:
        category: that a claim names.
        role: of its images.
        known: categories of this role in the run.
    """
    lacking = f"the run has no {role} category '{category}'"
    if suggestion := UnknownNameError("category", category, known).suggestion:
        return NotTestedError(f"{lacking} ({suggestion})")
    told = f" (it has {', '.join(sorted(known))})" * (len(known) <= FEW)
    return NotTestedError(f"{lacking}{told}", image_flag(role))


def corruptions_are_missing(asked: Sequence[str], there: Collection[str]) -> NotTestedError:
    """That a run has none of these corruptions: those that are meant, or the flag that adds them.

    Args:
        asked: that a claim names.
        there: corruptions of the run.
    """
    lacking = f"the tables hold no scores under {', '.join(asked)}"
    suites = {name: set(_corruptions(name)) for name in sorted(names("corruptions"))}
    known = set(there).union(*suites.values())
    strange = [name for name in asked if name not in {"*", *known}]
    hints = [UnknownNameError("corruption", name, known).suggestion for name in strange]
    if found := list(filter(None, hints)):
        return NotTestedError(f"{lacking} ({' '.join(found)})")
    told = f" (they hold {', '.join(sorted(there))})" * (bool(strange) and 0 < len(there) <= FEW)
    return NotTestedError(f"{lacking}{told}", _suite_flag(asked, suites, replaces=bool(there)))


def together(remedies: Iterable[str]) -> str:
    """Several remedies as one: each flag once, then what to know of them."""
    given = list(dict.fromkeys(filter(None, remedies)))
    whole = [remedy for remedy in given if " or " in remedy]  # alternatives stay together
    parts = [remedy.partition(", ") for remedy in given if remedy not in whole]
    flags = dict.fromkeys(flag for own, *_ in parts for flag in own.removeprefix("--").split(" --"))
    notes = dict.fromkeys(note for *_, own in parts for note in own.split("; ") if note)
    own = ", ".join(filter(None, [" ".join(f"--{flag}" for flag in flags), "; ".join(notes)]))
    return "; ".join(filter(None, [own, *whole]))


def _suite_flag(
    corruptions: Sequence[str], suites: Mapping[str, set[str]], *, replaces: bool
) -> str:
    """The flag that adds a shipped suite with these corruptions; the first that has most of them.

    A corruption that no shipped suite has needs a suite file of its own. `replaces`: the run has
    suites, which the flag would replace.
    """
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
