"""What a run on a Dask cluster does while no worker is there."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from executors import Told

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.dask_cluster import executor as of_dask
from mimbench.evaluation.execution.dask_cluster.executor import DaskExecutor


class Deserted:
    """A cluster without workers, whose scheduler dies after an hour of a clock that runs fast."""

    client = None

    def __init__(self, local: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.where, self.local, self.now = "its address", local, 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep)
        monkeypatch.setattr(of_dask, "time", clock)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def workers(self) -> list[Any]:
        if self.now > 4600:
            raise MimbenchError("gone")
        return []


@pytest.mark.parametrize(
    ("local", "error", "end"),
    [(1, r"No Dask worker of its address is left.*repeat the command", 1300), (0, "^gone$", 4601)],
)
def test_only_where_nobody_else_brings_a_worker_a_run_without_any_ends(
    local: int, error: str, end: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster: Any = Deserted(local, monkeypatch)
    context: Any = SimpleNamespace(device=torch.device("cpu"))
    tasks: Any = ["a task"]
    told = Told()
    with pytest.raises(MimbenchError, match=error):
        DaskExecutor(context, cluster).perform(tasks, told)
    assert cluster.now == end
    assert told.messages == ["its address has no worker now; waiting for one to join."]
