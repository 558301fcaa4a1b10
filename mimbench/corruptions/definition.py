"""What a corruption is: a kernel with parameters for each of five severities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.checks import SEVERITIES, Images, check_images, check_keys
from mimbench.corruptions.reference import corrupt_with_package
from mimbench.errors import CorruptionError

__all__ = ["Corruption"]


@dataclass(frozen=True)
class Corruption:
    """A kernel with its parameters.

    Attributes:
        name: what the condition is called in tables.
        kernel: what computes it.
        parameters: name -> values at severity 1..5.
    """

    name: str
    kernel: str
    parameters: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def apply(
        self, images: Images, severity: int, keys: Sequence[int] | NDArray[np.integer]
    ) -> Images:
        """Corrupt images; arguments and result as for `mimbench.corruptions.apply`."""
        if isinstance(severity, bool) or severity not in SEVERITIES:
            raise CorruptionError(
                f"Severity must be an integer from 1 to 5 for '{self.name}', not {severity!r}."
            )
        images = check_images(images)
        return corrupt_with_package(
            images, self.kernel, int(severity), check_keys(keys, len(images))
        )

    def describe(self) -> dict[str, Any]:
        """All that the pixels depend on beside image, severity and key, as JSON values."""
        parameters = {name: list(values) for name, values in sorted(self.parameters.items())}
        return {"name": self.name, "kernel": self.kernel, "parameters": parameters}
