"""What a stage costs: wall time, and the largest memory that it needed."""

import contextlib
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cost", "Meter"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """Time and peak memory of a stage.

    Attributes:
        seconds: wall time.
        peak_memory: most memory that this process had at once, bytes; None if the system does not
            say. Where it cannot be reset (outside Linux) it is the most since the process began.
        peak_worker_memory: the same of the largest worker process; None without workers.
        peak_gpu_memory: most memory that tensors took on the GPU, bytes; None without a GPU.
    """

    seconds: float
    peak_memory: int | None = None
    peak_worker_memory: int | None = None
    peak_gpu_memory: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The same for a JSON file, without what is not known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Meter:
    """Measures from its creation on; one at a time, since peaks are reset."""

    def __init__(self) -> None:
        """Begin."""
        self.began = time.perf_counter()
        _reset_peaks()
        self.workers_before = _largest_worker()

    def read(self) -> Cost:
        """The cost until now."""
        worker = _largest_worker()
        return Cost(
            seconds=round(time.perf_counter() - self.began, 2),
            peak_memory=_peak(),
            peak_worker_memory=worker if worker != self.workers_before else None,
            peak_gpu_memory=_gpu_peak(),
        )


def _reset_peaks() -> None:
    with contextlib.suppress(OSError):  # then the peak is the process's so far
        _CLEAR.write_text("5")  # Linux: resets VmHWM; see proc_pid_clear_refs(5)
    torch = _torch_on_gpu()
    if torch is not None:
        torch.cuda.reset_peak_memory_stats()


def _peak() -> int | None:
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident("RUSAGE_SELF")


def _largest_worker() -> int | None:
    return _resident("RUSAGE_CHILDREN") or None


def _resident(whose: str) -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = int(resource.getrusage(getattr(resource, whose)).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024


def _gpu_peak() -> int | None:
    torch = _torch_on_gpu()
    return None if torch is None else int(torch.cuda.max_memory_allocated())


def _torch_on_gpu() -> Any:
    """The module torch, if it has been imported and has used a GPU: this file imports nothing."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
