"""A finished run in an experiment tracker: parameters, numbers with intervals, figures, page."""

from mimbench.report.tracking.content import Tracked, tracked
from mimbench.report.tracking.trackers import TRACKERS, log_to, require

__all__ = ["TRACKERS", "Tracked", "log_to", "require", "tracked"]
