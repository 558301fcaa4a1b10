"""Image corruptions: the same picture under noise, blur, weather, compression, phone cameras.

Nothing here needs torch, and nothing draws from global random state.
"""

from mimbench.corruptions.definition import Corruption
from mimbench.corruptions.engine import apply, builtin, names
from mimbench.corruptions.suites import Suite

__all__ = ["Corruption", "Suite", "apply", "builtin", "names"]
