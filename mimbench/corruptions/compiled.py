"""How the inner loops are compiled: without the GIL, and once per machine."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile at the first call and keep the machine code on disk.

    A compiled function calls only compiled functions of its own file: numba renews what it keeps
    on disk when that file changes, not when another does.
    """
    return cast(Function, numba.njit(nogil=True, cache=True)(function))
