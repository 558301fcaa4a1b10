"""Why a detector's row failed, in a sentence."""

from mimbench.errors import PluginError
from mimbench.evaluation.plan import FitSpec
from mimbench.registry import where

__all__ = ["reason_of"]


def reason_of(spec: FitSpec, error: Exception) -> str:
    """What the detector raised, and where in the user's own file if it is a plug-in."""
    place = "" if isinstance(error, PluginError) else where(spec.recipe.detector, error)
    return f"{place}{type(error).__name__}: {error}"
