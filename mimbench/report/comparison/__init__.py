"""Two or more runs side by side: what differs between them, and by how much their AUROCs do."""

from mimbench.report.comparison.rows import COMPARISON_COLUMNS, RunComparison, compare_runs

__all__ = ["COMPARISON_COLUMNS", "RunComparison", "compare_runs"]
