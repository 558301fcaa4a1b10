"""Why a run fits a row again of which its folder has a fit: what changed since."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mimbench.errors import TableError
from mimbench.evaluation.execution.tasks import TaskContext
from mimbench.files import digests_by_name
from mimbench.progress import Progress
from mimbench.runfolder.store import Store
from mimbench.scores.digests import read_sealed

__all__ = ["tell_fitted_again"]

NAMED = 4  # rows in a sentence
THREADS = "threads per process"
WORDS = {
    "images": "images to train on",
    "canonical_size": "size at which images are kept",
    "input_size": "size of the detector's input",
    "harmonise": "--harmonise",
    "device": "device",
    "threads": THREADS,
    "code": "code of mimbench",
}
SHOWN = (str, int, float, bool)  # kinds of a parameter whose values are printed
LONGEST = 20  # characters of such a value

Parts = dict[str, Any]  # what a fit depends on, by its name in a sentence


def tell_fitted_again(context: TaskContext, progress: Progress) -> None:
    """Say which rows cannot use their earlier fits in the folder, and why: a line for each reason.

    Args:
        context: of the run.
        progress: is told.
    """
    fits, store = context.plan.fits, context.store
    missing = {
        position: json.loads(json.dumps(address.about))  # as the store has it
        for position, address in context.addresses.of.items()
        if not (store.has_fit(address.fit_id) or fits[position].withheld)
    }
    earlier = _earlier(store) if missing else {}
    rows_of: dict[str, list[str]] = {}
    for position, about in missing.items():
        now = _parts(about)
        if found := earlier.get(_what(about)):
            changed = min((list(_changed(before, now)) for before in found), key=len)
            rows = rows_of.setdefault(", ".join(changed), [])
            name = fits[position].recipe.name
            rows += [name] * (name not in rows)
    for changed_parts, rows in rows_of.items():
        are, its, end = ("is", "its", "") if len(rows) == 1 else ("are", "their", "s")
        progress.message(
            f"{_some(rows)} {are} fitted again. "
            + (
                f"Changed since {its} earlier fit{end}: {changed_parts}."
                if changed_parts
                else f"A file of {its} earlier fit{end} is missing or damaged."
            )
        )


def _earlier(store: Store) -> dict[tuple[Any, ...], list[Parts]]:
    """What the fits in a folder depended on, by what they are fits of."""
    found: dict[tuple[Any, ...], list[Parts]] = {}
    for path in sorted((store.folder / "fits").glob("*.json")):
        try:
            about, _ = read_sealed(path)
            found.setdefault(_what(about), []).append(_parts(about))
        except (TableError, KeyError, TypeError, ValueError):  # damaged: nothing could use it
            continue
    return found


def _what(about: Mapping[str, Any]) -> tuple[Any, ...]:
    return about["recipe"]["name"], about["fitted_on"], about["fold"], about["seed"]


def _parts(about: Mapping[str, Any]) -> Parts:
    recipe = about["recipe"]
    return {
        **{f"file {name}": digest for name, digest in digests_by_name(recipe["files"]).items()},
        **{f"parameter {name}": value for name, value in dict(recipe["parameters"]).items()},
        "detector of the recipe": recipe["detector"],
        "input size of the recipe": recipe["input_size"],
        **{words: about[name] for name, words in WORDS.items()},
        **{f"version of {name}": version for name, version in dict(about["libraries"]).items()},
        **{f"version of {name}": each for name, each in dict(recipe.get("libraries", {})).items()},
    }


def _changed(before: Parts, now: Parts) -> Iterator[str]:
    """What differs, each in a few words."""
    for name in dict.fromkeys([*now, *before]):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if name == THREADS:
            yield (
                f"{name} ({old}, now {new}; to use the earlier fits, set OMP_NUM_THREADS to {old} "
                "times --jobs)"
            )
        elif name.startswith(("parameter", "version")) and _is_short(old) and _is_short(new):
            yield f"{name} ({old}, now {new})"
        else:
            yield name


def _is_short(value: Any) -> bool:
    return isinstance(value, SHOWN) and len(str(value)) <= LONGEST


def _some(rows: list[str]) -> str:
    more = len(rows) - NAMED
    if more > 0:
        return f"{', '.join(rows[:NAMED])} and {more} more"
    *others, last = rows
    return f"{', '.join(others)} and {last}" if others else last
