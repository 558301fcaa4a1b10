"""Scoring as a run does it, with networks trained for seconds, for `gpu.py` to time and compare."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from mimbench.data.dataset import ImageOptions
from mimbench.data.generated import phantom
from mimbench.detectors.networks.devices import exact
from mimbench.evaluation.execution.in_process import InProcessExecutor
from mimbench.evaluation.execution.performing import KeptFits
from mimbench.evaluation.execution.tasks import (
    Task,
    TaskContext,
    fit_tasks,
    score_tasks,
    wanted_blocks,
)
from mimbench.evaluation.fitting import Fit, fit_addresses, load_fit
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.scoring import BATCH, corrupted, score_images, scored_rows, units
from mimbench.progress import Silent
from mimbench.scores.splits import split_column

SCORES = {"resnet50": ["posterior", "msp", "energy"], "mim": ["l1", "contrast"]}
AHEAD = "mimbench.evaluation.execution.prefetch.pays"


class ScoringBench:
    """A plan on the phantom under imagenet-c, and its fits, made when first asked for."""

    def __init__(self, folder: Path, device: torch.device, side: int, *, tiny: bool) -> None:
        """Make the images and train.

        Args:
            folder: an empty one, for what a run keeps.
            device: where to train and score.
            side: of the images as they are corrupted and as detectors see them, pixels.
            tiny: a few images, one severity of the suite quick, and two steps of training.
        """
        self.device, self.side, self.tiny = device, side, tiny
        self.plan = _plan(side, steps=2 if tiny else 40, tiny=tiny)
        addresses, threads = fit_addresses(self.plan, device), torch.get_num_threads()
        self.context = TaskContext(self.plan, addresses, folder, device, threads)
        self.store = self.context.store
        self.store.prepare()
        self.fits = KeptFits(self.context)
        self._perform(fit_tasks(self.context))
        self.units = list(units(self.plan))
        for unit in self.units:  # compiles what is compiled at the first call
            corrupted(self.plan, unit.condition, unit.rows[:2])

    def fit(self, name: str) -> Fit:
        """The trained model of a row."""
        fit = self.fits.read(self._position(name))
        assert fit is not None
        return fit

    def rates(self, name: str, seconds: float) -> dict[str, float | str]:
        """Images per second of a row: scored, corrupted alone, and in bare forward passes.

        Units of work are spread evenly over the suite, so many as should take `seconds`.
        """
        tasks = self._tasks(name)
        self._timed(tasks[:1], ahead=False)
        once = self._timed(tasks[:1], ahead=False)
        count = min(len(tasks), max(2, round(seconds / once)))
        chosen = [tasks[i] for i in np.linspace(0, len(tasks) - 1, count).round().astype(int)]
        images = sum(task.size for task in chosen)
        began = time.perf_counter()
        for task in chosen:
            assert task.unit is not None
            unit = self.units[task.unit]
            corrupted(self.plan, unit.condition, unit.rows)
        corrupting = time.perf_counter() - began
        return {
            "images/s": images / self._timed(chosen, ahead=True),
            "not overlapped, images/s": images / self._timed(chosen, ahead=False),
            "corruptions alone, images/s": images / corrupting,
            "bare forward, images/s": self._bare_rate(name),
            "units of work": f"{count} of {len(tasks)}",
            "images": int(images),
        }

    def difference(self, name: str, count: int = 64) -> tuple[float, str]:
        """Largest difference of the device's scores from the CPU's, in standard deviations.

        Returns:
            The difference, and the score that has it.
        """
        position, cpu = self._position(name), torch.device("cpu")
        other = load_fit(self.plan, position, self.context.addresses, self.store, cpu)
        assert other is not None
        pixels = self._test_pixels(count)
        here = score_images(self.fit(name), pixels, self.side, self.device)
        there = score_images(other, pixels, self.side, cpu)
        gaps = {
            row: float(np.abs(here[row] - there[row]).max() / there[row].std()) for row in there
        }
        worst = max(gaps, key=gaps.__getitem__)
        return gaps[worst], worst

    def repeats(self, name: str, count: int = 64) -> bool:
        """Whether two passes over the same images give the same bits."""
        pixels = self._test_pixels(count)
        one, two = (score_images(self.fit(name), pixels, self.side, self.device) for _ in range(2))
        return all(np.array_equal(one[row], two[row]) for row in one)

    def _position(self, name: str) -> int:
        return [spec.recipe.name for spec in self.plan.fits].index(name)

    def _tasks(self, name: str) -> list[Task]:
        """All units of work of a row on corrupted images."""
        position = self._position(name)
        blocks = wanted_blocks(self.plan, self.store, [(position, self.fit(name))])
        return score_tasks(block for block in blocks if block.condition.corruption is not None)

    def _test_pixels(self, count: int) -> Any:
        test = scored_rows(self.plan, self.plan.conditions[-1], 0)
        return self.plan.dataset.pixels[np.flatnonzero(test)[:count]]

    def _timed(self, tasks: Sequence[Task], *, ahead: bool) -> float:
        """Seconds that these tasks take, with or without the next images made meanwhile."""
        for path in (self.context.folder / "blocks").rglob("*.parquet"):
            path.unlink()
        began = time.perf_counter()
        with patch(AHEAD, lambda device: ahead):
            self._perform(tasks)
        return time.perf_counter() - began

    def _perform(self, tasks: Sequence[Task]) -> None:
        with InProcessExecutor(self.context, self.fits) as executor:
            failed = executor.perform(tasks, Silent())
        if failed:
            raise RuntimeError("; ".join(failed.values()))

    @torch.inference_mode()
    def _bare_rate(self, name: str, batches: int = 20) -> float:
        """Forward passes of the row's networks alone, on images that are on the device already."""
        detector: Any = self.fit(name).detector
        shape = (BATCH, 3, self.side, self.side)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, device=self.device)
        floats = images.float() / 255
        masks = torch.zeros(BATCH, 1, *shape[2:], dtype=torch.bool, device=self.device)

        def forward() -> None:
            if name != "mim":
                detector.network(images)
                return
            for _ in range(2):  # the two passes of its mask
                detector.generator(floats, masks)
                detector.critic(floats, masks)
                detector.critic(floats, masks)

        with exact(self.device):
            for repeats in (2, 1 if self.tiny else batches):
                began = time.perf_counter()
                for _ in range(repeats):
                    forward()
                if self.device.type == "cuda":
                    torch.cuda.synchronize(self.device)
        return BATCH * repeats / (time.perf_counter() - began)


def _plan(side: int, *, steps: int, tiny: bool) -> Plan:
    recipes = tuple(
        {
            "extends": name,
            "name": name,
            "input_size": side,
            "scores": scores,
            "headline": scores[:1],
            "parameters": {"steps": steps},
        }
        for name, scores in SCORES.items()
    )
    others = [category for category in phantom.CATEGORIES if category != phantom.TARGET]
    images = ImageOptions(
        data=("phantom",), canonical_size=side, unknown_categories=tuple(others[4:])
    )
    suites = ("quick",) if tiny else ("imagenet-c",)
    severities = (1,) if tiny else (1, 3, 5)
    plan = make_plan(RunFile(detectors=recipes, suites=suites, severities=severities, data=images))
    return _few(plan) if tiny else plan


def _few(plan: Plan) -> Plan:
    """An image of each category and part, two of the target."""
    groups = plan.images.groupby(["category", split_column(0)])
    target = plan.images["category"] == plan.dataset.target
    rows = np.flatnonzero(groups.cumcount() < 1 + target)
    dataset = plan.dataset
    return replace(
        plan,
        images=plan.images.iloc[rows].reset_index(drop=True),
        dataset=replace(
            dataset,
            table=dataset.table.iloc[rows].reset_index(drop=True),
            pixels=dataset.pixels[rows],
            facts=dataset.facts.iloc[rows].reset_index(drop=True),
        ),
    )
