"""What a stage costs: wall time, and the largest memory that it needed."""

import contextlib
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cost", "Meter"]

_PROC = Path("/proc")


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
        self.worker_peak = 0
        for process in ("self", *_workers()):
            with contextlib.suppress(OSError):  # then the peak is the process's so far
                # Linux: resets VmHWM; see proc_pid_clear_refs(5)
                (_PROC / process / "clear_refs").write_text("5", encoding="utf-8")
        torch = _torch_on_gpu()
        if torch is not None:
            torch.cuda.reset_peak_memory_stats()

    def read(self) -> Cost:
        """The cost until now; of a worker that has ended, what was read while it lived."""
        self.worker_peak = max([self.worker_peak, *(_peak(w) or 0 for w in _workers())])
        return Cost(
            seconds=round(time.perf_counter() - self.began, 2),
            peak_memory=_peak("self") or _most_ever(),
            peak_worker_memory=self.worker_peak or None,
            peak_gpu_memory=_gpu_peak(),
        )


def _peak(process: str) -> int | None:
    with contextlib.suppress(OSError):
        for line in (_PROC / process / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def _workers() -> list[str]:
    """Ids of all processes that descend from this one; none where the system does not say."""
    found: list[str] = []
    queue = ["self"]
    while queue:
        with contextlib.suppress(OSError):
            process = queue.pop()
            for thread in (_PROC / process / "task").iterdir():
                children = (thread / "children").read_text(encoding="utf-8").split()
                found += children
                queue += children
    return found


def _most_ever() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024


def _gpu_peak() -> int | None:
    torch = _torch_on_gpu()
    return None if torch is None else int(torch.cuda.max_memory_allocated())


def _torch_on_gpu() -> Any:
    """The module torch, if it has been imported and has used a GPU: this file imports nothing."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
