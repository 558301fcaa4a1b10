"""How inner loops are compiled: without the GIL, and once per machine where it can be kept."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function, **options: Any) -> Function:
    """Compile at the first call and keep the machine code on disk.

    A compiled function calls only compiled functions of its own file: numba renews what it keeps
    on disk when that file changes, not when another does. Where neither the package's folder nor
    the user's home can be written, every process compiles anew.
    """
    try:
        return cast(Function, numba.njit(nogil=True, cache=True, **options)(function))
    except RuntimeError:  # numba found no place for its cache
        return cast(Function, numba.njit(nogil=True, **options)(function))
