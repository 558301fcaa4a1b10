"""How long a run will take, before it begins, from a trial of each detector.

A trial trains for two seconds and scores one batch; what it learns is thrown away. It is made only
where a recipe is to be fitted several times, so that it costs little beside what it estimates.
"""

import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mimbench.detectors.build import build, scores_of
from mimbench.detectors.imaging.shared import provide, resize
from mimbench.detectors.protocol import Batch, Detector, StopTraining
from mimbench.evaluation.execution.tasks import TaskContext
from mimbench.evaluation.fitting import training_set
from mimbench.evaluation.planning.plan import FitSpec, Plan
from mimbench.evaluation.scoring import BATCH, Unit, corrupted, count_images, units
from mimbench.progress import Progress
from mimbench.registry import BUILT_IN
from mimbench.runfolder.history import duration
from mimbench.text import counted

__all__ = ["RuntimeEstimate", "estimate_runtime"]

WORTHWHILE = 3  # missing fits of one recipe from which on the trials are made
TRAINING = 2.0  # seconds of training in a trial
CONDITIONS = 6  # that are timed, on as few images as
IMAGES = 8


@dataclass(frozen=True)
class RuntimeEstimate:
    """What is still to be computed, in seconds of one process.

    Attributes:
        fit: training.
        score: corrupting and scoring.
        unknown: detectors that could not be tried; their time comes on top.
    """

    fit: float
    score: float
    unknown: tuple[str, ...] = ()

    def sentence(self, plan: Plan, processes: int) -> str:
        """What to expect, and what that is based on."""
        counts = (
            counted(len(plan.fits), "trained model"),
            f"{counted(len(plan.conditions), 'condition')} on {counted(len(plan.images), 'image')}",
        )
        what = ", ".join(counts)
        untimed = f"no time estimate for {', '.join(self.unknown)}" if self.unknown else ""
        if len(self.unknown) == len(plan.recipes):
            return f"{what}: {untimed}."
        total = duration((self.fit + self.score) / processes)
        return (
            f"{what}: about {total} in {counted(processes, 'process')}"
            f"{f'; {untimed}' if untimed else ''}. "
            "Estimated from a few seconds of each detector's training and one batch of its scores."
        )


@dataclass(frozen=True)
class _Rate:
    fit: float  # seconds
    score: float  # seconds per image


class _Clock:
    """Progress of a trial: notes the pace of the training and ends it when that is known."""

    def __init__(self) -> None:
        self.first: tuple[float, int] | None = None
        self.last = (time.perf_counter(), 0)
        self.total = 0

    def __call__(self, done: int, total: int, note: str) -> None:
        self.last, self.total = (time.perf_counter(), done), total
        self.first = self.first or self.last
        if self.last[0] - self.first[0] > TRAINING:
            raise StopTraining

    @property
    def missing(self) -> float:
        """Seconds that the rest of the training would take."""
        if self.first is None or self.last[1] == self.first[1]:
            return 0.0
        pace = (self.last[0] - self.first[0]) / (self.last[1] - self.first[1])
        return pace * (self.total - self.last[1])


def estimate_runtime(
    context: TaskContext, progress: Progress, *, plug_ins: bool = True
) -> RuntimeEstimate | None:
    """Estimate the time of the run; None where it is too short for that to pay.

    The trials happen in this process: without `plug_ins`, the code of others is not tried, because
    it may hang or die and is to do so in a worker process.
    """
    plan, missing = context.plan, _missing(context)
    by_recipe: dict[str, list[FitSpec]] = {}
    for spec in missing:
        by_recipe.setdefault(spec.recipe.name, []).append(spec)
    if max(map(len, by_recipe.values()), default=0) < WORTHWHILE:
        return None
    progress.stage("Timing each detector to estimate the run time", len(by_recipe))
    rates: dict[str, _Rate] = {}
    for number, (name, specs) in enumerate(by_recipe.items()):
        progress.update(number, name)
        ours = specs[0].recipe.detector in BUILT_IN
        rate = _try(plan, specs[0], context.device) if ours or plug_ins else None
        if rate is not None:
            rates[name] = rate
    progress.update(len(by_recipe))
    known = [spec for spec in missing if spec.recipe.name in rates]
    images = count_images(plan, known)
    return RuntimeEstimate(
        fit=sum(rates[spec.recipe.name].fit for spec in known),
        score=_corrupting(plan)
        + sum(rates[spec.recipe.name].score * n for spec, n in zip(known, images, strict=True)),
        unknown=tuple(name for name in by_recipe if name not in rates),
    )


def _missing(context: TaskContext) -> list[FitSpec]:
    """Fits that the store lacks, without those that cannot begin."""
    store = context.store
    addresses = context.addresses.of
    return [
        context.plan.fits[position]
        for position, address in addresses.items()
        if not store.has_fit(address.fit_id)
    ]


def _try(plan: Plan, spec: FitSpec, device: torch.device) -> _Rate | None:
    """Fit in small and score a batch; None if the detector fails, as it will in the run."""
    try:
        detector, clock = build(spec.recipe), _Clock()
        began = time.perf_counter()
        if spec.fold is not None:
            data = training_set(plan, spec, None, device, clock)
            with contextlib.suppress(StopTraining):  # from a training loop that is not ours
                detector.fit(data)
        spent = time.perf_counter() - began
        return _Rate(spent + clock.missing, _score_rate(plan, spec, detector, device))
    except Exception:
        return None


@torch.inference_mode()
def _score_rate(plan: Plan, spec: FitSpec, detector: Detector, device: torch.device) -> float:
    """Seconds per image, the best of two batches: the first may compile or allocate."""
    detector.to(device)
    rows = np.resize(np.arange(len(plan.images)), BATCH)
    pixels = torch.from_numpy(plan.dataset.pixels[rows]).permute(0, 3, 1, 2).contiguous()
    images = resize(pixels, plan.input_size(spec.recipe)).to(device)
    times = []
    for _ in range(2):
        began = time.perf_counter()
        scores_of(spec.recipe, detector.score(Batch(images, provide)), BATCH)
        times.append(time.perf_counter() - began)
    return min(times) / BATCH


def _corrupting(plan: Plan) -> float:
    """Seconds to corrupt all images, from a few conditions on a few of them."""
    work = [unit for unit in units(plan) if unit.condition.corruption is not None]
    if not work:
        return 0.0
    times = []
    for unit in _spread(work, CONDITIONS):
        rows = unit.rows[:IMAGES]
        for warm in (False, True):
            began = time.perf_counter()
            corrupted(plan, unit.condition, rows)
            if warm:
                times.append((time.perf_counter() - began) / len(rows))
    return statistics.fmean(times) * sum(len(unit.rows) for unit in work)


def _spread(items: Sequence[Unit], count: int) -> list[Unit]:
    places = np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))
    return [items[place] for place in places]
