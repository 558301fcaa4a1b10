"""What a stage cost: memory is the stage's own, also a worker's."""

import mmap
import subprocess
import sys

import pytest

from mimbench.runfolder.cost import Meter

MEGABYTE = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="peaks can be reset on Linux only")
def test_peak_memory_is_that_of_the_stage_not_of_the_process() -> None:
    before = Meter()
    with mmap.mmap(-1, 200 * MEGABYTE) as fresh:  # an allocator may have as much at hand
        fresh[:: mmap.PAGESIZE] = bytes(-(-len(fresh) // mmap.PAGESIZE))
    large, small = before.read(), Meter().read()
    assert large.peak_memory is not None
    assert small.peak_memory is not None
    assert large.peak_memory - small.peak_memory > 150 * MEGABYTE


@pytest.mark.skipif(sys.platform != "linux", reason="workers are found on Linux only")
def test_the_memory_of_a_worker_of_a_worker_is_seen() -> None:
    grandchild = "b = bytearray(150_000_000); print('ready', flush=True); input()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    meter = Meter()
    with subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert (meter.read().peak_worker_memory or 0) > 150 * MEGABYTE
        process.communicate(b"\n")
    assert (meter.read().peak_worker_memory or 0) > 150 * MEGABYTE, "kept after its end"
