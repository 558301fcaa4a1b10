"""The figures of a report."""

__all__ = ["LIBRARIES"]

LIBRARIES = ("matplotlib", "seaborn", "scipy", "numpy", "pandas")  # that a figure depends on
