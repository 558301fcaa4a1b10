"""A run's record says which machine it ran on."""

import os
import sys
from pathlib import Path

import pytest
import torch

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.environment import (
    describe,
    device_of,
    devices_of,
    pick_device,
    usable_here,
)

CUDA = torch.device("cuda")


@pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux's /proc")
def test_processor_and_memory_are_those_of_the_machine() -> None:
    about = describe(torch.device("cpu"))
    (total,) = (
        line.split()[1]
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    assert about["memory_gib"] == pytest.approx(int(total) / 2**20, abs=0.1)
    models = [
        line.partition(": ")[2]
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    assert about["cpu"] == (models[0] if models else None)


@pytest.mark.parametrize(("able", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_the_precision_of_training_is_that_of_the_processor(
    able: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able})
    assert describe(torch.device("cpu"))["training_precision"] == precision
    if not torch.cuda.is_available():
        assert describe(CUDA)["training_precision"] is None


def test_what_the_system_does_not_say_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe(torch.device("cpu"))

    def absent(*arguments: object, **options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert describe(torch.device("cpu")) == {**before, "cpu": None, "memory_gib": None}


def test_cuda_means_all_gpus_of_the_machine_and_a_list_means_these() -> None:
    def names(asked: str, picked: torch.device) -> list[str]:
        return [str(device) for device in devices_of(asked, picked, count=lambda: 3)]

    assert names("cuda", CUDA) == ["cuda:0", "cuda:1", "cuda:2"]
    assert names("auto", CUDA) == ["cuda:0", "cuda:1", "cuda:2"]
    assert names("cuda:0,2", torch.device("cuda:0")) == ["cuda:0", "cuda:2"]
    assert names("cuda:1", torch.device("cuda:1")) == ["cuda:1"]
    assert names("auto", torch.device("cpu")) == ["cpu"]


def test_each_process_of_a_cluster_gets_one_of_the_gpus_that_its_worker_declares() -> None:
    assert [str(device_of(number, CUDA, 2)) for number in range(3)] == [
        "cuda:0",
        "cuda:1",
        "cuda:0",
    ]
    assert str(device_of(5, torch.device("cpu"), 2)) == "cpu"


@pytest.mark.parametrize("name", ["cuda:0,x", "gpu", "cuda:99"])
def test_a_device_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(MimbenchError, match=name):
        pick_device(name)


def test_a_machine_without_gpu_reads_what_gpus_elsewhere_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert usable_here(CUDA) == torch.device("cpu")
    assert describe(CUDA)["device"] == "GPUs of other machines"
