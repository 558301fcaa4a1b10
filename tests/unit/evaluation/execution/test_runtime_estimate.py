"""The run time is estimated from a short trial of each detector."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.execution import runtime_estimate
from mimbench.evaluation.execution.runtime_estimate import (
    RowEstimate,
    RuntimeEstimate,
    estimate_runtime,
    plan_lines,
)
from mimbench.evaluation.execution.tasks import TaskContext
from mimbench.evaluation.fitting import fit_addresses
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import try_plan
from mimbench.evaluation.scoring import count_images
from mimbench.progress import Silent

SLOW = """
import time
from mimbench import Detector


class Slow(Detector):
    trains_on = "target"

    def fit(self, train):
        for step in range(50):
            time.sleep(0.02)
            train.progress(step + 1, 50, "")

    def score(self, batch):
        time.sleep(0.16)
        return batch.images.float().mean((1, 2, 3))
"""


def slow_plan(folders: dict[str, Path], plugin: Path, folds: int, text: str = SLOW) -> Plan:
    plugin.write_text(text)
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    return make_plan(RunFile(detectors=(f"{plugin}:Slow",), data=images, folds=folds))


class Clock:
    """Time that passes only in `sleep`, so that a busy machine changes no number."""

    def __init__(self) -> None:
        self.time = 0.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def perf_counter(self) -> float:
        return self.time


def estimated(plan: Plan, folder: Path) -> RuntimeEstimate | None:
    cpu = torch.device("cpu")
    context = TaskContext(plan, fit_addresses(plan, cpu), folder, cpu, torch.get_num_threads())
    return estimate_runtime(context, Silent())


def test_a_long_run_is_estimated_from_a_short_trial(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    monkeypatch.setattr(runtime_estimate, "TRAINING", 0.1)
    folder = tmp_path / "run"
    short = estimated(slow_plan(folders, tmp_path / "slow.py", 1), folder)
    assert short is None, "a trial must not cost as much as what it estimates"
    assert clock.time == 0
    plan = slow_plan(folders, tmp_path / "slow.py", 3)
    found = estimated(plan, folder)
    assert found is not None
    assert clock.time < 0.1 + 0.1 + 3 * 0.16, "a little training and three batches"
    assert found.fit == pytest.approx(3 * 50 * 0.02)
    per_image = 0.16 / 32
    assert found.score > 0.99 * per_image * len(plan.images)  # each is tested once, at least
    assert "3 trained models, 1 condition on 54 images: about" in found.sentence(plan, 1)
    assert list((tmp_path / "run").rglob("*.json")) == [], "a trial leaves nothing"


def test_of_a_batch_that_would_take_long_few_images_are_scored(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    slower = SLOW.replace("0.16", "0.5 * len(batch)")  # 16 seconds of a batch
    plan = slow_plan(folders, tmp_path / "slower.py", 3, slower)
    found = estimated(plan, tmp_path / "run")
    assert found is not None
    assert clock.time < 50 * 0.02 + 8 * 0.5 + 0.1
    assert found.score == pytest.approx(0.5 * sum(count_images(plan, plan.fits)))


def test_a_dry_run_says_what_each_row_costs_and_leaves_nothing(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    plugin, folder = tmp_path / "slow.py", tmp_path / "run"
    plan = slow_plan(folders, plugin, 2)
    planned = try_plan(plan.run, folder, Silent())
    assert planned.tasks == (2, 1), "two trainings, and one shard of clean images"
    text = "\n".join(planned.lines(2))
    assert "2 trained models, 1 condition on 54 images" in text
    assert "Slow: 2 trained models, training 2 s, scoring" in text
    assert "in 2 processes" in text
    assert "on disk\n" in text, "nothing is left out of the total"
    one = replace(planned.estimate, unknown={"Other": "why"})
    assert "on disk, without Other\n" in "\n".join(replace(planned, estimate=one).lines(2))
    none = replace(planned.estimate, rows=(), unknown={"Slow": "why"})
    assert not any(" on disk" in line for line in replace(planned, estimate=none).lines(2))
    assert planned.estimate.size > 0
    assert not folder.exists()


def test_the_plan_says_why_there_is_no_estimate_and_each_time_once(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    plan = slow_plan(folders, tmp_path / "slow.py", 1)
    cpu = torch.device("cpu")
    context = TaskContext(plan, fit_addresses(plan, cpu), tmp_path / "run", cpu, 1)
    found = estimate_runtime(context, Silent(), plug_ins=False, always=True)
    assert found is not None
    why = "Slow: no estimate, plug-ins are timed only with --jobs 0, in this process"
    assert why in plan_lines(plan, found, 2)
    half_hour = RuntimeEstimate((RowEstimate("mim", 1, 1500.0, 0.0, 1e6),), 0.0)
    assert "about 25 min in 1 process, and 1 MB on disk" in plan_lines(plan, half_hour, 1)
    two = "about 25 min of one process, 12 min in 2 processes, and 1 MB on disk"
    assert two in plan_lines(plan, half_hour, 2)
