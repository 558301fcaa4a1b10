"""The report of a run: tables, figures and one page, from the score tables alone."""

from mimbench.report.build import Report, write_report

__all__ = ["Report", "write_report"]
