"""A finished run in Python: what `mimbench.open_run` returns. Nothing here needs torch."""

from mimbench.api.run import Run, open_run

__all__ = ["Run", "open_run"]
