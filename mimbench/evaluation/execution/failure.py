"""Why a detector's row failed, in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from mimbench.errors import DetectorError, PluginError
from mimbench.evaluation.planning.plan import FitSpec
from mimbench.registry import where

__all__ = ["reason_of", "without_exit"]


def reason_of(spec: FitSpec, error: Exception) -> str:
    """What the detector raised, and where in the user's own file if it is a plug-in."""
    place = "" if isinstance(error, PluginError) else where(spec.recipe.detector, error)
    return f"{place}{type(error).__name__}: {error}"


@contextmanager
def without_exit() -> Iterator[None]:
    """A detector that ends the program fails: the exit code is the command's to choose.

    Raises:
        DetectorError: it called `sys.exit`.
    """
    try:
        yield
    except SystemExit as error:
        raise DetectorError(f"it called sys.exit({error.code!r})") from error
