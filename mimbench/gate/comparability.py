"""Can two runs be compared: same images, same conditions, same rows, same recipes?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.gate.settings import GateSettings
from mimbench.scores.reading import doubt_about
from mimbench.scores.splits import split_columns, test_masks
from mimbench.scores.tables import RunTables
from mimbench.text import counted

__all__ = ["Aligned", "Problem", "align", "row_fits", "row_problems", "scoreless"]


@dataclass(frozen=True)
class Problem:
    """One reason why runs are not comparable, by name.

    Attributes:
        kind: "missing-row", "nan", "images", "conditions", "recipe", "retraining", "tables",
            "error" where nothing could be compared at all, or "settings" where the gate's own
            settings are wrong.
        allowed: whether it is reported alone.
        row: the row, or the detector, that it is about; empty: all of them.
        failed: whether it is that the row's detector failed in one of the runs.
    """

    kind: str
    message: str
    allowed: bool
    row: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Aligned:
    """Two runs on their common images and conditions, in the same order with the same patients.

    Attributes:
        tested: (N,) images that are test images in both.
        problems: what was different before.
    """

    reference: RunTables
    candidate: RunTables
    tested: NDArray[np.bool_]
    problems: tuple[Problem, ...]


def align(reference: RunTables, candidate: RunTables, settings: GateSettings) -> Aligned:
    """Bring two runs to common images and conditions, and say what was different."""
    messages = [
        *(("images", message) for message in _image_messages(reference.images, candidate.images)),
        *(("conditions", message) for message in _condition_messages(reference, candidate)),
    ]
    problems = tuple(Problem(kind, text, kind in settings.allow) for kind, text in messages)
    problems += tuple(
        Problem("tables", f"{side}: {doubt.rstrip('.')}", True)
        for side, tables in (("reference", reference), ("candidate", candidate))
        if (doubt := doubt_about(tables))
    )
    shared = reference.images["image_id"].isin(candidate.images["image_id"])
    images = reference.images[shared].reset_index(drop=True)
    theirs = candidate.images.set_index("image_id").loc[images["image_id"]].reset_index(drop=True)
    splits = split_columns(images)
    own = theirs[split_columns(theirs)]
    moved = pd.concat([images.drop(columns=splits), own], axis=1)
    before, after = _conditions(reference), _conditions(candidate)
    # every row failed in a run that has none
    conditions = before & after if before and after else before | after
    tested = np.any(test_masks(images), axis=0) & np.any(test_masks(moved), axis=0)
    return Aligned(
        _restricted(reference, images, conditions),
        _restricted(candidate, moved, conditions),
        np.asarray(tested),
        problems,
    )


def row_problems(
    rows: Sequence[str], aligned: Aligned, settings: GateSettings
) -> Iterator[Problem]:
    """Rows that a run lacks, and recipes that changed. What failed in both is said, no more."""
    detectors = {}
    for row in rows:
        own, theirs = row_fits(aligned.reference, row), row_fits(aligned.candidate, row)
        if own.empty and not _has_fits(aligned.candidate, row.partition("/")[0]):
            why = _failure(aligned.reference, row)
            message = f"neither run has scores for the row {row}{why}"
            yield Problem("missing-row", message, True, row)
        elif own.empty or theirs.empty:
            side = "reference" if own.empty else "candidate"
            why = _failure(getattr(aligned, side), row)
            message = f"the {side} has no scores for the row {row}{why}"
            allowed = "missing-row" in settings.allow
            yield Problem("missing-row", message, allowed, row, failed=bool(why))
        else:
            detectors[str(own["detector"].iloc[0])] = own, theirs
    for detector, (own, theirs) in detectors.items():
        if set(own["recipe_hash"]) != set(theirs["recipe_hash"]):
            message = f"the recipe of {detector} changed"
            yield Problem("recipe", message, "recipe" in settings.allow, detector)


def _failure(tables: RunTables, row: str) -> str:
    """Why a row has no scores, to stand at the end of a sentence; empty if no fit failed."""
    failed = tables.fits[tables.main_fits & (tables.fits["status"] != "ok")]
    reasons = failed.loc[failed["detector"] == row.partition("/")[0], "reason"]
    return f": {reasons.iloc[0].rstrip('.')}" if len(reasons) else ""


def scoreless(tables: RunTables) -> tuple[str, ...]:
    """Detectors, controls aside, of which all fits failed: each is a row of that name."""
    failed = (tables.fits["status"] == "failed") & ~tables.fits["control"]
    names = sorted(set(tables.fits["detector"][failed]))
    return tuple(name for name in names if not _has_fits(tables, name))


def _has_fits(tables: RunTables, detector: str) -> bool:
    good = tables.main_fits & (tables.fits["status"] == "ok")
    return bool((good & (tables.fits["detector"] == detector)).any())


def row_fits(tables: RunTables, row: str) -> pd.DataFrame:
    """Main fits that scored a row."""
    own = tables.scores.loc[tables.scores["score"] == row, "fit_id"].unique()
    return tables.fits[tables.fits["fit_id"].isin(own) & tables.main_fits]


def _image_messages(reference: pd.DataFrame, candidate: pd.DataFrame) -> Iterator[str]:
    own, theirs = set(reference["image_id"]), set(candidate["image_id"])
    for count, side in ((len(own - theirs), "reference"), (len(theirs - own), "candidate")):
        if count:
            yield f"{counted(count, 'image', 'is')} in the {side} only"
    if not own & theirs:
        return
    common = sorted(own & theirs)
    before = reference.set_index("image_id").loc[common]
    after = candidate.set_index("image_id").loc[common]
    for column in ("category", "role", "patient"):
        differs = (before[column] != after[column]).sum()
        if differs:
            yield f"{counted(differs, 'image')} changed: another {column}"
    tests = [test_masks(table).any(0) for table in (before, after)]
    moved = int((tests[0] != tests[1]).sum())
    if moved:
        yield f"{counted(moved, 'image', 'is')} for testing in one run only"


def _condition_messages(reference: RunTables, candidate: RunTables) -> Iterator[str]:
    own, theirs = _conditions(reference), _conditions(candidate)
    if not own or not theirs:  # every row of it failed, which is said of the rows
        return
    for extra, side in ((own - theirs, "reference"), (theirs - own, "candidate")):
        if extra:
            names = ", ".join(f"{name} {severity}" for name, severity in sorted(extra)[:3])
            more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
            yield f"{counted(len(extra), 'condition', 'is')} in the {side} only: {names}{more}"
    sizes = reference.corruption_size, candidate.corruption_size
    if all(sizes) and sizes[0] != sizes[1]:
        yield (
            f"images were corrupted at {sizes[0]} px in the reference and at {sizes[1]} px in the "
            "candidate"
        )


def _conditions(tables: RunTables) -> set[tuple[str, int]]:
    pairs = tables.scores[["corruption", "severity"]].drop_duplicates()
    return {(str(name), int(severity)) for name, severity in pairs.itertuples(index=False)}


def _restricted(
    tables: RunTables, images: pd.DataFrame, conditions: set[tuple[str, int]]
) -> RunTables:
    scores = tables.scores
    keep = scores["image_id"].isin(images["image_id"])
    if _conditions(tables) != conditions:
        pairs = pd.MultiIndex.from_frame(scores[["corruption", "severity"]])
        keep &= pairs.isin(list(conditions))
    return RunTables(scores[keep], tables.fits, images)
