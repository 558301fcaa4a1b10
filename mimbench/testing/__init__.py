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
from mimbench.detectors.named import recipe_of
from mimbench.errors import RecipeError, UnknownNameError
from mimbench.progress import Progress, Silent
from mimbench.recipes import Kind
from mimbench.recipes import names as shipped
from mimbench.testing.corruptions import CorruptionContract, check_corruption
from mimbench.testing.detectors import DetectorContract, check_detector
from mimbench.testing.outcomes import Outcome

__all__ = ["CorruptionContract", "DetectorContract", "Outcome", "check"]


def check(
    spec: str, least_auroc: float | None = None, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Run the contract over one detector or corruption, test by test.

    Args:
        spec: of a detector: recipe, "file.py:Object", "package.module:Object" or the name of a
            plug-in; of a corruption: its name.
        least_auroc: what a detector must reach on an easy problem, in [0, 1]; None: 0.9 if it is
            fitted.
        progress: is told what is done now.

    Yields:
        One outcome per test; an exception of the plug-in is a problem, not an error.

    Raises:
        UnknownNameError: neither a detector nor a corruption; the message proposes the nearest.
        RecipeError: no name that is known is like it, or a file is no recipe.
    """
    progress = progress or Silent()
    if spec in names():
        yield from check_corruption(spec, progress)
        return
    try:
        recipe_of(spec)
    except UnknownNameError as error:
        if spec.endswith(".toml"):  # it extends what there is not
            raise
        unknown = UnknownNameError("detector or corruption", spec, [*error.known, *names()])
        if unknown.suggestion:
            raise unknown from None
        raise RecipeError(_no_such(spec)) from None
    yield from check_detector(spec, least_auroc, progress)


def _no_such(spec: str) -> str:
    """What `spec` is instead of a detector or a corruption, and how these are named."""
    what = f"There is no detector or corruption '{spec}'"
    others: dict[Kind, str] = {"corruptions": "suite", "runs": "run", "claims": "set of claims"}
    for kind, word in others.items():
        if spec in shipped(kind):
            what = f"'{spec}' is a {word}, neither a detector nor a corruption"
    return (
        f"{what}. `mimbench list detectors` and `mimbench list corruptions` have the names; "
        "of your own give my.py:MyDetector or a recipe, my.toml."
    )
