"""How many worker processes a run has where the user names no number."""

import pytest
import torch

from mimbench.evaluation.execution.worker_pool import Jobs, usual_count


@pytest.mark.parametrize(
    ("device", "threads", "memory", "count"),
    [
        ("cpu", 2, 24.0, 2),
        ("cpu", 16, None, 16),  # the memory is not known
        ("cpu", 16, 8.0, 4),  # each needs 2 GiB
        ("cpu", 4, 1.0, 1),
        ("cuda", 16, 128.0, 1),  # several on a GPU were not measured
    ],
)
def test_every_processor_has_a_process_unless_memory_or_a_gpu_says_otherwise(
    device: str, threads: int, memory: float | None, count: int
) -> None:
    assert usual_count(torch.device(device), threads, memory) == count


def test_a_number_of_the_user_is_kept() -> None:
    assert Jobs.of(3, None) == Jobs(3)
    assert Jobs.of(0, None) is None


def test_without_a_number_the_threads_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimbench.evaluation.execution.worker_pool.memory_gib", lambda: 64.0)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        jobs = Jobs.of(None, None)
        assert jobs is not None
        assert (jobs.count, jobs.threads) == (4, 1)
    finally:
        torch.set_num_threads(before)
