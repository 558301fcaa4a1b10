"""Score images: a condition is applied to a shard of images once, then every fit scores it."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimbench.corruptions.enlarged import apply_enlarged
from mimbench.detectors.build import converted, scores_of
from mimbench.detectors.imaging.shared import SharedOutputs, resize
from mimbench.detectors.networks.devices import exact
from mimbench.detectors.protocol import Batch
from mimbench.errors import DetectorError
from mimbench.evaluation.execution.environment import library_versions
from mimbench.evaluation.execution.failure import without_exit
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.planning.plan import Condition, FitSpec, Plan
from mimbench.recipes import content_hash
from mimbench.runfolder.score_blocks import Block, read_block, write_block
from mimbench.runfolder.store import Store, score_code
from mimbench.text import counted

__all__ = [
    "BATCH",
    "SHARD",
    "Rows",
    "Shard",
    "Unit",
    "block_address",
    "blocks_of_rows",
    "corrupted",
    "corrupted_pixels",
    "count_blocks",
    "count_images",
    "draw_keys",
    "other_scores",
    "score_images",
    "score_unit",
    "scored_rows",
    "units",
]

SHARD = 256  # images that are corrupted at once
BATCH = 32  # images in a detector's batch; the last one is padded, so that shapes never differ


Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Unit:
    """The unit of work: one condition on one shard of images, for all fits."""

    condition: Condition
    rows: NDArray[np.intp]

    def __str__(self) -> str:
        return f"{self.condition}, {counted(len(self.rows), 'image')}"


def units(plan: Plan) -> Iterator[Unit]:
    """All units of a plan."""
    for condition in plan.conditions:
        wanted = np.zeros(len(plan.images), dtype=bool)
        for fold in range(plan.run.folds):
            wanted |= scored_rows(plan, condition, fold)
        for rows in blocks_of_rows(wanted):
            yield Unit(condition, rows)


def blocks_of_rows(wanted: NDArray[np.bool_]) -> Iterator[Rows]:
    """Rows of the images that are wanted, as many at a time as are corrupted at once."""
    rows = np.flatnonzero(wanted)
    for start in range(0, len(rows), SHARD):
        yield rows[start : start + SHARD]


def count_blocks(plan: Plan) -> int:
    """Number of blocks of scores that a plan makes: units of work times the fits that do them."""
    alike: dict[tuple[int | None, bool], list[FitSpec]] = {}
    for spec in plan.fits:
        alike.setdefault((spec.fold, _clean_only(plan, spec)), []).append(spec)
    return sum(
        len(specs)
        for unit in units(plan)
        for specs in alike.values()
        if len(_positions(plan, unit, specs[0]))
    )


def count_images(plan: Plan, specs: Sequence[FitSpec]) -> list[int]:
    """Images that each of these fits scores, counted once per condition."""
    counts: dict[tuple[int | None, bool], int] = {}
    for spec in specs:
        kind = spec.fold, _clean_only(plan, spec)
        if kind not in counts:
            counts[kind] = sum(len(_positions(plan, unit, spec)) for unit in units(plan))
    return [counts[spec.fold, _clean_only(plan, spec)] for spec in specs]


def scored_rows(plan: Plan, condition: Condition, fold: int) -> NDArray[np.bool_]:
    """Which rows of the images a fit of `fold` scores under `condition`."""
    clean, shifted = plan.scored
    mask: NDArray[np.bool_] = (clean if condition.corruption is None else shifted)[fold]
    return mask


def draw_keys(plan_seed: int, image_ids: Sequence[str]) -> NDArray[np.uint64]:
    """One 64-bit key per image for the draws of corruptions, from (seed, image_id) alone."""
    digests = [content_hash([plan_seed, image_id])[:16] for image_id in image_ids]
    return np.array([int(digest, 16) for digest in digests], dtype=np.uint64)


def corrupted(plan: Plan, condition: Condition, rows: Rows) -> NDArray[np.uint8]:
    """Rows of the plan's images under a condition: uint8 (N, S, S, 3), at the canonical size."""
    image_ids = plan.images["image_id"].iloc[rows].tolist()
    return corrupted_pixels(plan, condition, plan.dataset.pixels[rows], image_ids)


def corrupted_pixels(
    plan: Plan, condition: Condition, pixels: NDArray[np.uint8], image_ids: Sequence[str]
) -> NDArray[np.uint8]:
    """Pictures (N, S, S, 3) at the canonical size under a condition of a plan."""
    if condition.corruption is None:
        return pixels
    keys = draw_keys(plan.run.plan_seed, image_ids)
    corruption, severity, side = condition.corruption, condition.severity, plan.corruption_size
    engine, threads = plan.run.corruption_engine, torch.get_num_threads()
    if side == plan.canonical_size:
        return corruption.apply(pixels, severity, keys, engine=engine, threads=threads)
    return apply_enlarged(corruption, pixels, severity, keys, side, engine=engine, threads=threads)


class Shard:
    """A shard's images under one condition, made when first asked for, at every size needed."""

    def __init__(self, plan: Plan, unit: Unit) -> None:
        self.plan = plan
        self.unit = unit
        self.sizes: dict[int, Batch] = {}
        self.copies: dict[int, Batch] = {}

    def batch(self, size: int) -> Batch:
        """All images of the shard at `size` pixels, with their shared outputs."""
        if size not in self.sizes:
            canonical = self.plan.canonical_size
            if size == canonical:
                pixels = corrupted(self.plan, self.unit.condition, self.unit.rows)
                images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
            else:
                images = resize(self.batch(canonical).images, size)
            self.sizes[size] = self._sharing(size, images)
        return self.sizes[size]

    def on(self, size: int, device: torch.device) -> Batch:
        """The same on a device, where shared outputs are computed, too."""
        if device.type == "cpu":
            return self.batch(size)
        if size not in self.copies:
            self.copies[size] = self._sharing(size, _copied(self.batch(size).images, device))
        return self.copies[size]

    def _sharing(self, size: int, images: Tensor) -> Batch:
        return Batch(images, SharedOutputs(self.plan.shared_outputs.get(size, ())))


def score_unit(
    shard: Shard, fits: Iterable[Fit], store: Store, device: torch.device
) -> Iterator[tuple[Fit, Exception]]:
    """Score one unit's images with every fit; the scores are in the store afterwards.

    What the store has is not computed again.

    Yields:
        Each fit whose `score` raised, with the exception: a detector that fails must not end the
        others.
    """
    plan, unit = shard.plan, shard.unit
    for fit in fits:
        address = block_address(plan, unit, fit)
        if address is None:
            continue
        path = store.block(address)
        if read_block(path) is not None:
            continue
        started = time.perf_counter()
        try:
            whole = shard.on(plan.input_size(fit.spec.recipe), device)
            positions = _positions(plan, unit, fit.spec)
            scored, were = _score(whole, fit, positions)
        except Exception as error:
            yield fit, error
            continue
        image_ids = plan.images["image_id"].iloc[unit.rows[positions]].tolist()
        block = pd.DataFrame({"image_id": image_ids, **scored})
        seconds = round(time.perf_counter() - started, 4)
        write_block(path, Block(block, {**address, "seconds": seconds, "converted": were}))


def block_address(plan: Plan, unit: Unit, fit: Fit) -> dict[str, object] | None:
    """What the scores of one fit on one unit depend on; None if it scores none of its images."""
    positions = _positions(plan, unit, fit.spec)
    if not len(positions):
        return None
    image_ids = plan.images["image_id"].iloc[unit.rows[positions]].tolist()
    return _address(plan, unit, fit, image_ids)


def _positions(plan: Plan, unit: Unit, spec: FitSpec) -> NDArray[np.intp]:
    """Images of the unit that a fit scores."""
    if unit.condition.corruption is not None and _clean_only(plan, spec):
        return np.empty(0, dtype=np.intp)
    if spec.fold is None:
        return np.arange(len(unit.rows))
    return np.flatnonzero(scored_rows(plan, unit.condition, spec.fold)[unit.rows])


def _clean_only(plan: Plan, spec: FitSpec) -> bool:
    """What withheld categories change, and the swap test, are asked of images as they are."""
    swapped = spec.fold is not None and spec.fitted_on != plan.dataset.target
    return swapped or bool(spec.withheld)


def _address(plan: Plan, unit: Unit, fit: Fit, image_ids: list[str]) -> dict[str, object]:
    return {
        "fit_id": fit.fit_id,
        "state": fit.state_hash,
        "scores": fit.spec.recipe.scores,
        "condition": unit.condition.describe(),
        "plan_seed": plan.run.plan_seed,
        "engine": plan.run.corruption_engine,
        "images": content_hash(image_ids),
        "canonical_size": plan.canonical_size,
        # clean images are never enlarged
        "corruption_size": plan.corruption_size if unit.condition.corruption else None,
        "input_size": plan.input_size(fit.spec.recipe),
        "harmonise": plan.run.data.harmonise,
        "batch": BATCH,
        "threads": torch.get_num_threads(),
        "code": score_code(),
        "libraries": library_versions(),
    }


def score_images(
    fit: Fit, pixels: NDArray[np.uint8], size: int, device: torch.device
) -> Mapping[str, NDArray[np.float64]]:
    """Score images outside a plan.

    Args:
        fit: what scores them.
        pixels: uint8 (N, S, S, 3), at the canonical size of the fit's run.
        size: side that the detector sees, pixels.
        device: where to compute.

    Returns:
        Row name -> float64 (N,).
    """
    images = resize(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), size)
    whole = Batch(_copied(images, device), SharedOutputs(fit.detector.needs))
    return _score(whole, fit, np.arange(len(images)))[0]


@torch.inference_mode()
def _score(
    whole: Batch, fit: Fit, positions: NDArray[np.intp]
) -> tuple[Mapping[str, NDArray[np.float64]], dict[str, str]]:
    """Scores by row, each (N,), and what those were that are not returned as floats."""
    parts: dict[str, list[NDArray[np.float64]]] = {}
    were: dict[str, str] = {}
    for start in range(0, len(positions), BATCH):
        index = positions[start : start + BATCH]
        padded = torch.from_numpy(np.resize(index, BATCH))
        batch = _take(whole, padded)
        with without_exit(), exact(whole.images.device):
            result = fit.detector.score(batch)
        scored = scores_of(fit.spec.recipe, result, BATCH)
        were |= converted(fit.spec.recipe, result)
        if parts and parts.keys() != scored.keys():
            raise DetectorError(other_scores(parts, scored))
        for row, values in scored.items():
            parts.setdefault(row, []).append(values[: len(index)])
    return {row: np.concatenate(values) for row, values in parts.items()}, were


def other_scores(before: Iterable[str], now: Iterable[str]) -> str:
    """Why a detector fails whose scores have other names from batch to batch."""
    return (
        f"it yields {', '.join(now) or 'nothing'} here and {', '.join(before) or 'nothing'} for "
        "other images; the names of scores must always be the same"
    )


def _copied(images: Tensor, device: torch.device) -> Tensor:
    # a GPU waits much shorter for memory that the system cannot move
    return (images.pin_memory() if device.type == "cuda" else images).to(device)


def _take(whole: Batch, index: Tensor) -> Batch:
    index = index.to(whole.images.device)
    return Batch(whole.images[index], lambda name, _: whole[name][index])
