"""The figures of a report."""

__all__ = ["LIBRARIES", "style_in_effect"]

LIBRARIES = ("matplotlib", "seaborn", "scipy", "numpy", "pandas")  # that a figure depends on


def style_in_effect() -> str:
    """Every setting of matplotlib as text, apart from the backend.

    No figure here is drawn by that, and to look it up would import pyplot.
    """
    from matplotlib import rcParams

    return repr([(name, rcParams[name]) for name in sorted(rcParams) if name != "backend"])
