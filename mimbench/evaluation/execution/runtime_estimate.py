"""How long a run will take, before it begins, from a trial of each detector.

A trial trains for two seconds and scores one batch; what it learns is thrown away. It is made only
where a recipe is to be fitted several times, so that it costs little beside what it estimates.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mimbench.detectors.build import build, fit, scores_of
from mimbench.detectors.imaging.shared import SharedOutputs, provide, resize
from mimbench.detectors.protocol import Batch, Detector, StopTraining
from mimbench.detectors.statefile import encode_state
from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.tasks import TaskContext
from mimbench.evaluation.fitting import training_set
from mimbench.evaluation.planning.plan import FitSpec, Plan
from mimbench.evaluation.scoring import BATCH, Unit, corrupted, count_images, units
from mimbench.progress import Progress
from mimbench.registry import BUILT_IN
from mimbench.runfolder.history import duration
from mimbench.text import counted

__all__ = ["BASIS", "RowEstimate", "RuntimeEstimate", "estimate_runtime", "plan_lines"]

WORTHWHILE = 3  # missing fits of one recipe from which on the trials are made
TRAINING = 2.0  # seconds of training in a trial
WARM = 4  # images that are scored first
SCORING = 3.0  # seconds: what a batch may take in a trial
CONDITIONS = 6  # that are timed, on as few images as
IMAGES = 8
BASIS = "Estimated from a few seconds of each detector's training and one batch of its scores."
FAILED = "its short trial failed"
NOT_TRIED = "plug-ins are timed only with --jobs 0, in this process"
PER_SCORE, PER_IMAGE = 8, 64  # bytes of a number and of an image's name in a block of scores


@dataclass(frozen=True)
class RowEstimate:
    """What is still to be computed for one recipe.

    Attributes:
        name: of the recipe.
        models: trained models that are missing.
        fit: training, seconds of one process.
        score: scoring, seconds of one process, without what several recipes share.
        size: of the models and scores on disk, bytes.
    """

    name: str
    models: int
    fit: float
    score: float
    size: float


@dataclass(frozen=True)
class RuntimeEstimate:
    """What is still to be computed, in seconds of one process.

    Attributes:
        rows: the recipes that could be tried.
        shared: corrupting, and passes of frozen networks that several recipes read.
        unknown: detectors that could not be tried, and why; their time comes on top.
    """

    rows: tuple[RowEstimate, ...]
    shared: float
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def fit(self) -> float:
        """Training."""
        return sum(row.fit for row in self.rows)

    @property
    def score(self) -> float:
        """Corrupting and scoring."""
        return self.shared + sum(row.score for row in self.rows)

    @property
    def size(self) -> float:
        """Bytes on disk."""
        return sum(row.size for row in self.rows)

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
            f"{f'; {untimed}' if untimed else ''}. {BASIS}"
        )


@dataclass(frozen=True)
class _Rate:
    fit: float  # seconds
    score: float  # seconds per image
    state: int  # bytes
    scores: int  # of one image


class _Clock:
    """Progress of a trial: notes the pace of the training and ends it when that is known."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.first: tuple[float, int] | None = None
        self.last = (time.perf_counter(), 0)
        self.total = 0

    def __call__(self, done: int, total: int, note: str) -> None:
        self.last, self.total = (time.perf_counter(), done), total
        self.first = self.first or self.last
        self.tell(f"training, step {done} of {total}")
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
    context: TaskContext, progress: Progress, *, plug_ins: bool = True, always: bool = False
) -> RuntimeEstimate | None:
    """Estimate the time of the run; None where it is too short for that to pay.

    The trials happen in this process: without `plug_ins`, the code of others is not tried, because
    it may hang or die and is to do so in a worker process. `always`: even where it does not pay.
    """
    plan, missing = context.plan, _missing(context)
    by_recipe: dict[str, list[FitSpec]] = {}
    for spec in missing:
        by_recipe.setdefault(spec.recipe.name, []).append(spec)
    if not always and max(map(len, by_recipe.values()), default=0) < WORTHWHILE:
        return None
    progress.stage("Timing each detector to estimate the run time", len(by_recipe))
    rows, tried, unknown = [], set(), {}
    for number, (name, specs) in enumerate(by_recipe.items()):

        def tell(what: str, number: int = number, name: str = name) -> None:
            progress.update(number, f"{name}: {what}")

        tell("training")
        ours = specs[0].recipe.detector in BUILT_IN
        rate = _try(plan, specs[0], context.device, tell) if ours or plug_ins else None
        if rate is None:
            unknown[name] = FAILED if ours or plug_ins else NOT_TRIED
        else:
            tried.add(plan.input_size(specs[0].recipe))
            images, count = sum(count_images(plan, specs)), len(specs)
            size = count * rate.state + images * (PER_IMAGE + PER_SCORE * rate.scores)
            rows.append(RowEstimate(name, count, count * rate.fit, images * rate.score, size))
    progress.update(len(by_recipe), "corruptions, and what rows share")
    shared = _corrupting(plan) + sum(_sharing(plan, size, context.device) for size in tried)
    return RuntimeEstimate(tuple(rows), shared, unknown)


def _missing(context: TaskContext) -> list[FitSpec]:
    """Fits that the store lacks, without those that cannot begin."""
    store = context.store
    addresses = context.addresses.of
    return [
        context.plan.fits[position]
        for position, address in addresses.items()
        if not store.has_fit(address.fit_id)
    ]


def _try(
    plan: Plan, spec: FitSpec, device: torch.device, tell: Callable[[str], None]
) -> _Rate | None:
    """Fit in small and score a batch; None if the detector fails, as it will in the run."""
    try:
        detector, clock = build(spec.recipe), _Clock(tell)
        began = time.perf_counter()
        if spec.fold is not None:
            data = training_set(plan, spec, None, device, clock)
            with contextlib.suppress(StopTraining):  # from a training loop that is not ours
                fit(detector, data)
        spent = time.perf_counter() - began
        tell("scoring")
        score, scores = _score_rate(plan, spec, detector, device)
        return _Rate(spent + clock.missing, score, len(encode_state(detector.state())), scores)
    except Exception:
        return None


def _per_image(prepare: Callable[[int], Batch], work: Callable[[Batch], object]) -> float:
    """Seconds per image of `work`, on a batch, or on few images where a batch would take long.

    The first call may compile or allocate, and is not counted; nor is what `prepare` does.
    """
    rate = 0.0
    for count in (WARM, WARM, BATCH):
        if count == BATCH and rate * BATCH > SCORING:
            break
        batch = prepare(count)
        began = time.perf_counter()
        work(batch)
        rate = (time.perf_counter() - began) / count
    return rate


@torch.inference_mode()
def _score_rate(
    plan: Plan, spec: FitSpec, detector: Detector, device: torch.device
) -> tuple[float, int]:
    """Seconds per image without what the detector shares with others, and its number of scores."""
    detector.to(device)
    images = _some_images(plan, plan.input_size(spec.recipe), device)
    scores = 0

    def prepare(count: int) -> Batch:
        batch = Batch(images[:count], provide)
        for name in detector.needs:
            batch[name]
        return batch

    def score(batch: Batch) -> None:
        nonlocal scores
        scores = len(scores_of(spec.recipe, detector.score(batch), len(batch)))

    return _per_image(prepare, score), scores


@torch.inference_mode()
def _sharing(plan: Plan, size: int, device: torch.device) -> float:
    """Seconds for what several recipes read of the images of a size, made once for all of them."""
    names, images = plan.shared_outputs.get(size, ()), _some_images(plan, size, device)

    def read(batch: Batch) -> None:
        for name in names:
            with contextlib.suppress(MimbenchError):  # as it will in the run
                batch[name]

    rate = _per_image(lambda count: Batch(images[:count], SharedOutputs(names)), read)
    return rate * sum(len(unit.rows) for unit in units(plan))


def _some_images(plan: Plan, size: int, device: torch.device) -> Tensor:
    """A batch of the plan's images at a size."""
    rows = np.resize(np.arange(len(plan.images)), BATCH)
    pixels = torch.from_numpy(plan.dataset.pixels[rows]).permute(0, 3, 1, 2).contiguous()
    return resize(pixels, size).to(device)


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


def plan_lines(plan: Plan, estimate: RuntimeEstimate, processes: int) -> list[str]:
    """What a run would do and cost, one line for each recipe, the longest first."""
    lines = [
        f"{row.name}: {counted(row.models, 'trained model')}, training {duration(row.fit)}, "
        f"scoring {duration(row.score)}, {_megabytes(row.size)}"
        for row in sorted(estimate.rows, key=lambda row: -(row.fit + row.score))
    ]
    lines += [f"{name}: no estimate, {why}" for name, why in estimate.unknown.items()]
    lines += [f"{name}: not run, {why}" for name, why in plan.not_run.items()]
    lines.append(
        f"corruptions, and what rows share of frozen networks: {duration(estimate.shared)}"
    )
    if estimate.unknown and not estimate.rows:
        return lines
    work = estimate.fit + estimate.score
    alone = f"{duration(work)} of one process, " * (processes > 1)
    total = f"{duration(work / processes)} in {counted(processes, 'process')}"
    without = f", without {', '.join(estimate.unknown)}" if estimate.unknown else ""
    return [
        *lines,
        f"about {alone}{total}, and {_megabytes(estimate.size)} on disk{without}",
        BASIS,
    ]


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else "under 1 MB"
