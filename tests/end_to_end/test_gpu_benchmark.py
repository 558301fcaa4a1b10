"""The benchmark for GPUs, tried on the CPU: whoever rents a machine runs it once."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
PARTS = ["Training", "Scoring", "CPU and GPU", "Repetition"]


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(gpu: ModuleType, out: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    code = gpu.main(["--out", str(out), "--device", "cpu", "--tiny", *more])
    return code, json.loads((out / "gpu.json").read_text()), (out / "gpu.md").read_text()


def test_every_figure_is_measured_and_the_table_says_that_it_was_on_the_cpu(
    gpu: ModuleType, tmp_path: Path
) -> None:
    code, found, page = run(gpu, tmp_path)
    assert code == 0
    assert list(found["parts"]) == PARTS
    for row in found["parts"]["Scoring"]:
        share = row["images/s"] / row["bare forward, images/s"]
        assert row["share of the bare forward"] == pytest.approx(share, rel=0.05)
        assert row["at least 0.8"] == ("yes" if share >= 0.8 else "no")
        assert row["units of work"].endswith(" of 4")
    assert [row["row"] for row in found["parts"]["CPU and GPU"]] == ["resnet50", "mim"]
    assert {row["largest difference / deviation"] for row in found["parts"]["CPU and GPU"]} == {0.0}
    assert {row["bit-identical"] for row in found["parts"]["Repetition"]} == {"yes"}
    assert "no figure here says anything about a GPU" in page
    assert "the rates mean nothing" in page
    assert all(f"## {title}" in page for title in PARTS)


def test_a_figure_that_fails_is_named_and_costs_no_other(
    gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("no memory | left")

    monkeypatch.setattr(gpu, "ScoringBench", broken)
    monkeypatch.setattr(gpu.mim, "time_training", lambda *_: gpu_rates)
    code, found, page = run(gpu, tmp_path)
    assert code == 1
    (training, _) = found["parts"]["Training"]
    assert (training["share of the bare loop"], training["at least 0.7"]) == (0.69, "no")
    assert "RuntimeError: no memory | left" in found["parts"]["Scoring"][0]["note"]
    assert "failed: RuntimeError: no memory / left |" in page, "a cell stays a cell"
    assert found["parts"]["Repetition"][-1]["bit-identical"] == "yes"


gpu_rates = {("wall", "training"): 69.0, ("wall", "bare loop"): 100.0}


def test_what_the_time_does_not_allow_is_named(gpu: ModuleType, tmp_path: Path) -> None:
    _, found, _ = run(gpu, tmp_path, "--minutes", "-1")
    assert list(found["parts"]) == PARTS
    measured = {row["note"] for rows in found["parts"].values() for row in rows}
    assert all("not measured" in note for note in measured)
