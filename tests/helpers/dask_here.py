"""Dask workers on this machine, for tests that connect to a scheduler by its address."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import LocalCluster

__all__ = ["dask_workers"]


@contextmanager
def dask_workers(count: int) -> Iterator[str]:
    """So many workers of one thread; yields the address of their scheduler."""
    with LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # tests run side by side
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address
