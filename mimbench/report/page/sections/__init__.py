"""The sections of the page: every file here adds what its `SECTIONS` holds.

There are many files because the page has many sections. A section is one file, whatever else
there is: adding or removing it touches no other.
"""

import pkgutil
from importlib import import_module

from mimbench.report.page.sections.section import Section

__all__ = ["all_sections"]


def all_sections() -> tuple[Section, ...]:
    """The sections of all files in this folder, in the order of the page."""
    modules = [
        import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    sections = [own for module in modules for own in getattr(module, "SECTIONS", ())]
    return tuple(sorted(sections, key=lambda own: own.order))
