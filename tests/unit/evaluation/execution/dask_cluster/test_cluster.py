"""What a Dask cluster is asked for, and what it answers, before anything is computed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mimbench.errors import MimbenchError
from mimbench.evaluation.execution.dask_cluster.cluster import DaskCluster


def cluster_of(*workers: dict[str, Any]) -> DaskCluster:
    """A cluster whose scheduler has these workers."""
    cluster = DaskCluster("tcp://10.0.0.1:8786")
    found = {f"tcp://10.0.0.2:{number}": about for number, about in enumerate(workers)}
    ask = lambda what, **how: {"workers": found}  # noqa: E731
    scheduler = SimpleNamespace(identity=None)
    cluster.client = SimpleNamespace(scheduler=scheduler, sync=ask, status="running")
    return cluster


CPU = {"nthreads": 3, "resources": {}, "status": "running"}
GPU = {"nthreads": 2, "resources": {"GPU": 2.0}, "status": "running"}
CLOSING = {"nthreads": 9, "resources": {}, "status": "closing_gracefully"}


def test_a_run_asks_for_gpus_where_a_worker_declares_one() -> None:
    assert cluster_of(CPU).device("auto") == torch.device("cpu")
    assert cluster_of(CPU, GPU).device("auto") == torch.device("cuda")
    assert cluster_of(CPU, GPU).device("cpu") == torch.device("cpu")
    with pytest.raises(MimbenchError, match=r"--resources GPU=1"):
        cluster_of(CPU).device("cuda")
    with pytest.raises(MimbenchError, match="CUDA_VISIBLE_DEVICES"):
        cluster_of(GPU).device("cuda:1")


def test_a_worker_that_closes_gets_no_task() -> None:
    assert cluster_of(CPU, GPU, CLOSING).count == 5


def test_threads_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert DaskCluster("tcp://10.0.0.1:8786").threads == 1
    assert DaskCluster("local:2").threads == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert DaskCluster("tcp://10.0.0.1:8786").threads == 6


@pytest.mark.parametrize("where", ["local", "local:0", "local:many"])
def test_how_many_local_workers_must_be_said(where: str) -> None:
    with pytest.raises(MimbenchError, match=r"local:N"):
        DaskCluster(where)


def test_where_no_scheduler_answers_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimbench.evaluation.execution.dask_cluster.cluster.PATIENCE", 1)
    with (
        pytest.raises(MimbenchError, match=r"tcp://127.0.0.1:9.*dask scheduler"),
        DaskCluster("tcp://127.0.0.1:9"),
    ):
        pass


def test_the_address_of_a_scheduler_may_be_read_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimbench.evaluation.execution.dask_cluster.cluster.PATIENCE", 1)
    path = tmp_path / "dask.json"
    with (
        pytest.raises(MimbenchError, match=r"dask scheduler --scheduler-file .*dask\.json"),
        DaskCluster(str(path)),
    ):
        pass
    path.write_text('{"address": "tcp://127.0.0.1:9"}', encoding="utf-8")
    with pytest.raises(MimbenchError, match=r"tcp://127.0.0.1:9 within"), DaskCluster(str(path)):
        pass


def test_what_is_only_planned_starts_no_worker() -> None:
    with DaskCluster("local:3", planned=True) as cluster:
        assert cluster.count == 3
        assert cluster.device("auto") == torch.device("cpu")
        assert not hasattr(cluster, "client")
