"""Image corruptions: the same picture under noise, blur, weather, compression, phone cameras.

Nothing here needs torch, and nothing draws from global random state.
"""

from mimbench.corruptions.core.draws import Draws, below, normal, uniform
from mimbench.corruptions.core.kernel import Parameter
from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.engine import apply, builtin, names
from mimbench.corruptions.plugins import Family
from mimbench.corruptions.suites import Suite

__all__ = [
    "Corruption",
    "Draws",
    "Family",
    "Parameter",
    "Suite",
    "apply",
    "below",
    "builtin",
    "names",
    "normal",
    "uniform",
]
