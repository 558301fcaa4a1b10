"""Pictures of what reconstruction-based detectors make of images, with what they say about them.

Of images that mimbench generated; photographs are copied into a run only where the run asks so.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mimbench.detectors.imaging.shared import provide
from mimbench.detectors.protocol import Batch
from mimbench.errors import OutputError, TableError
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.gallery.selection import Threshold, choose_cases, threshold_of
from mimbench.evaluation.gallery.thumbnails import SHEET, write_thumbnails
from mimbench.evaluation.gallery.tiles import (
    Picture,
    beside,
    difference,
    ladder,
    masked,
    picture,
    png,
)
from mimbench.evaluation.planning.plan import Condition, Plan
from mimbench.evaluation.scoring import Shard, Unit
from mimbench.files import atomic_write, file_hash
from mimbench.runfolder.gallery import INDEX, THUMBNAILS
from mimbench.scores.digests import read_json, write_sealed
from mimbench.scores.splits import split_column
from mimbench.scores.tables import RunTables

__all__ = ["write"]

PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\.png")
FOLD = 0  # whose test images are shown
UNTOUCHED = Condition(None, 0)


def write(
    plan: Plan, fits: Sequence[Fit], tables: RunTables, folder: Path, device: torch.device
) -> list[str]:
    """Write pictures of test images and gallery.json; an earlier gallery is removed.

    For each detector that reconstructs: original, masked, inpainted and difference for the most
    and the least confident right and wrong image of each role, and how one image fares under each
    corruption.

    Args:
        plan: of the run.
        fits: those that did not fail.
        tables: of the run; their scores choose the images.
        folder: of the run.
        device: where to compute.

    Returns:
        What went wrong, a sentence per detector.
    """
    place = folder / "gallery"
    _remove(place)
    entries: list[dict[str, Any]] = []
    problems = []
    shown = _one_per_detector(plan, fits)
    for fit in shown:
        try:
            for entry, image in _pictures(plan, fit, tables, device):
                entry = {"file": f"{len(entries):03d}-{fit.spec.recipe.name}.png", **entry}
                place.mkdir(exist_ok=True)
                with atomic_write(place / entry["file"]) as partial:
                    partial.write_bytes(png(image))
                entries.append({**entry, "sha256": file_hash(place / entry["file"])})
        except OutputError:
            raise
        except Exception as error:
            problems.append(f"{fit.spec}: no gallery: {type(error).__name__}: {error}")
    if entries:
        write_sealed(place / INDEX, {"pictures": entries})
    try:
        write_thumbnails(plan, shown, tables, _allowed(plan), place, device)
    except OutputError:
        raise
    except Exception as error:
        problems.append(f"no browser of images: {type(error).__name__}: {error}")
    return problems


def _remove(place: Path) -> None:
    """Remove the pictures that a run's own record names, and the record."""
    for name in (SHEET, THUMBNAILS):
        (place / name).unlink(missing_ok=True)
    index = place / INDEX
    if not index.is_file():
        return
    try:
        found = read_json(index)
    except TableError:
        return
    for entry in found.get("pictures", []) if isinstance(found, dict) else found:
        if isinstance(entry, dict) and PICTURE.fullmatch(str(entry.get("file"))):
            (place / str(entry["file"])).unlink(missing_ok=True)
    index.unlink()


def _one_per_detector(plan: Plan, fits: Sequence[Fit]) -> list[Fit]:
    first: dict[str, Fit] = {}
    for fit in fits:
        of_run = fit.spec.fitted_on in (plan.dataset.target, "nothing") and not fit.spec.withheld
        if of_run and fit.spec.fold in (FOLD, None):
            first.setdefault(fit.spec.recipe.name, fit)
    return list(first.values())


@dataclass(frozen=True)
class _Made:
    """What a detector made of some images under one condition."""

    original: list[Picture]
    masked: list[Picture]
    inpainted: list[Picture]


@torch.inference_mode()
def _make(
    plan: Plan, fit: Fit, condition: Condition, images: Sequence[int], device: torch.device
) -> _Made | None:
    unit = Unit(condition, np.asarray(images, dtype=np.intp))
    batch = Shard(plan, unit).batch(plan.input_size(fit.spec.recipe))
    made = fit.detector.reconstruct(Batch(batch.images.to(device), provide))
    if made is None:
        return None
    original = [picture(image) for image in batch.images]
    hidden = [masked(image, mask) for image, mask in zip(original, made[0], strict=True)]
    return _Made(original, hidden, [picture(image) for image in made[1]])


def _pictures(
    plan: Plan, fit: Fit, tables: RunTables, device: torch.device
) -> Iterator[tuple[dict[str, Any], Picture]]:
    """Entries with their pictures; none for a detector that reconstructs nothing."""
    images = plan.images
    allowed = _allowed(plan)
    first = np.flatnonzero(allowed)[:1].tolist()
    if not first or _make(plan, fit, UNTOUCHED, first, device) is None:
        return
    scores, row = _leading_score(fit, tables)
    threshold = threshold_of(tables, fit.fit_id, row, FOLD)
    clean = _of_condition(scores, UNTOUCHED).reindex(images["image_id"]).to_numpy(float)
    roles = images["role"].to_numpy(object)
    target = (images["category"] == plan.dataset.target).to_numpy(bool)
    cases = choose_cases(np.where(allowed, clean, np.nan), roles, target, threshold.value)
    made = _make(plan, fit, UNTOUCHED, [case.image for case in cases], device)
    if not cases or made is None:
        return
    for k, case in enumerate(cases):
        entry = _about(plan, fit, row, threshold, case.image)
        entry |= {"kind": case.kind, "scores": [clean[case.image]]}
        tiles = (made.original[k], made.masked[k], made.inpainted[k])
        yield entry, beside([*tiles, difference(tiles[0], tiles[2])])
    for name, conditions in _by_corruption(plan).items():
        entry = _about(plan, fit, row, threshold, cases[0].image) | {"corruption": name}
        steps = [_make(plan, fit, step, [cases[0].image], device) for step in conditions]
        entry["severities"] = [step.severity for step in conditions]
        image_id = images["image_id"].iloc[cases[0].image]
        entry["scores"] = [float(_of_condition(scores, step)[image_id]) for step in conditions]
        done = [step for step in steps if step is not None]
        yield entry, ladder([[s.original[0] for s in done], [s.inpainted[0] for s in done]])


def _allowed(plan: Plan) -> NDArray[np.bool_]:
    """Which images may be shown: tested ones, and photos only where the run asks so."""
    tested = (plan.images[split_column(FOLD)] == "test").to_numpy(bool)
    if plan.run.gallery:
        return tested
    return tested & (plan.images["path"] == "").to_numpy(bool)  # generated


def _about(plan: Plan, fit: Fit, row: str, threshold: Threshold, image: int) -> dict[str, Any]:
    return {
        "detector": fit.spec.recipe.name,
        "row": row,
        "threshold": threshold.value,
        "frozen": threshold.frozen,
        **{key: plan.images[key].iloc[image] for key in ("image_id", "category", "role")},
    }


def _leading_score(fit: Fit, tables: RunTables) -> tuple[pd.DataFrame, str]:
    """Scores of the fit's first headline score, or else of the first that it has; and its name."""
    own = tables.scores[tables.scores["fit_id"] == fit.fit_id]
    recipe = fit.spec.recipe
    named = [recipe.row(score) for score in recipe.headline]
    found = own["score"].unique().tolist()
    row = next((name for name in named if name in found), found[0])
    return own[own["score"] == row], row


def _of_condition(scores: pd.DataFrame, condition: Condition) -> "pd.Series[float]":
    own = (scores["corruption"] == condition.name) & (scores["severity"] == condition.severity)
    return scores[own].set_index("image_id")["value"]


def _by_corruption(plan: Plan) -> dict[str, list[Condition]]:
    """Untouched and every severity, by corruption."""
    steps: dict[str, list[Condition]] = {}
    for condition in plan.conditions:
        if condition.corruption is not None:
            steps.setdefault(condition.name, [UNTOUCHED]).append(condition)
    return {name: sorted(own, key=lambda c: c.severity) for name, own in steps.items()}
