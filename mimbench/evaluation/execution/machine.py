"""The processor and the memory of this machine, as the system says it; nothing needs torch."""

import os
from pathlib import Path

__all__ = ["cpu_model", "memory_gib"]


def cpu_model() -> str | None:
    """Name of the processor, where Linux says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None)


def memory_gib() -> float | None:
    """Memory of the machine, GiB, where the system says it."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(size / 2**30, 1)
