"""The report of a run: tables, figures and one page, from the score tables alone."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimbench.report.build import Report, write_report

__all__ = ["Report", "write_report"]


def __getattr__(name: str) -> Any:
    """Import what makes a report only when one is made; a kept one is printed without."""
    if name in __all__:
        return getattr(import_module("mimbench.report.build"), name)
    raise AttributeError(f"module 'mimbench.report' has no attribute {name!r}")
