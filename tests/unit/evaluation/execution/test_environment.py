"""A run's record says which machine it ran on."""

import os
import sys
from pathlib import Path

import pytest
import torch

from mimbench.evaluation.execution.environment import describe


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


def test_what_the_system_does_not_say_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe(torch.device("cpu"))

    def absent(*arguments: object, **options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert describe(torch.device("cpu")) == {**before, "cpu": None, "memory_gib": None}
