"""What a corruption is: a kernel with parameters for each of five severities."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images, check_images, check_keys, check_severity
from mimbench.corruptions.core.draws import Draws, stream
from mimbench.corruptions.plugins import kernel, source_digest
from mimbench.corruptions.reference import apply_reference
from mimbench.errors import UnknownNameError

__all__ = ["Corruption", "Engine"]

Engine = Literal["own", "reference"]

# Raised whenever a kernel gives other pixels for the same parameters: caches are keyed by it.
PIXEL_VERSION = 1


@dataclass(frozen=True)
class Corruption:
    """A kernel with its parameters.

    Attributes:
        name: what the condition is called in tables; draws depend on it.
        kernel: what computes it, a key of `KERNELS`, or the family of a package.
        parameters: name -> values at severity 1..5.
    """

    name: str
    kernel: str
    parameters: Mapping[str, tuple[float, ...]]

    def apply(
        self,
        images: Images,
        severity: int,
        keys: Sequence[int] | NDArray[np.integer],
        *,
        engine: Engine = "own",
        threads: int | None = None,
    ) -> Images:
        """Corrupt images; arguments and result as for `mimbench.corruptions.apply`."""
        check_severity(severity, self.name)
        if engine not in get_args(Engine):
            raise UnknownNameError("corruption engine", engine, get_args(Engine))
        if engine == "reference":
            return apply_reference(images, self.name, severity, keys)
        images = check_images(images)
        draws = Draws(check_keys(keys, len(images)), stream(self.name, int(severity)))
        values = {name: float(row[int(severity) - 1]) for name, row in self.parameters.items()}
        run = partial(kernel(self.kernel).run, **values)
        result = np.empty_like(images)
        # starting a thread pays from about a megabyte on
        threads = min(threads or _usable_processors(), images.nbytes // 2**20)
        if threads > 1:
            # four parts per thread: an unlucky one does not keep the others waiting for long
            bounds = np.linspace(0, len(images), min(4 * threads, len(images)) + 1).astype(int)
            parts = [slice(first, last) for first, last in pairwise(bounds)]
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda part: run(images[part], draws[part], result[part]), parts))
        elif len(images):
            run(images, draws, result)
        return result

    def describe(self) -> dict[str, Any]:
        """All that the pixels depend on beside image, severity, key and engine, as JSON values."""
        source = source_digest(self.kernel)
        return {
            "name": self.name,
            "kernel": self.kernel,
            "parameters": {name: list(row) for name, row in sorted(self.parameters.items())},
            "pixel_version": PIXEL_VERSION,
            **({"source": source} if source else {}),
        }


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
