"""Does a plug-in keep the rules? Tests to inherit, and `mimbench check` for the command line.

```python
from mimbench.testing import CorruptionContract, DetectorContract

class TestMine(DetectorContract):
    spec = "mine.py:MyDetector"  # or the name of a recipe or an installed plug-in

class TestHaze(CorruptionContract):
    spec = "haze"  # the name of an installed plug-in
```
"""

from collections.abc import Iterator

from mimbench.corruptions import names
from mimbench.detectors.build import recipe_of
from mimbench.errors import UnknownNameError
from mimbench.testing.corruptions import CorruptionContract, check_corruption
from mimbench.testing.detectors import DetectorContract, check_detector
from mimbench.testing.outcomes import Outcome

__all__ = ["CorruptionContract", "DetectorContract", "Outcome", "check"]


def check(spec: str, least_auroc: float | None = None) -> Iterator[Outcome]:
    """Run the contract over one detector or corruption, test by test.

    Args:
        spec: of a detector: recipe, "file.py:Object", "package.module:Object" or the name of a
            plug-in; of a corruption: its name.
        least_auroc: what a detector must reach on an easy problem, in [0, 1]; None: 0.9 if it is
            fitted.

    Yields:
        One outcome per test; an exception of the plug-in is a problem, not an error.

    Raises:
        UnknownNameError: neither a detector nor a corruption; the message proposes the nearest.
    """
    if spec in names():
        yield from check_corruption(spec)
        return
    try:
        recipe_of(spec)
    except UnknownNameError as error:
        known = [*error.known, *names()]
        raise UnknownNameError("detector or corruption", spec, known) from None
    yield from check_detector(spec, least_auroc)
