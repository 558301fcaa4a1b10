"""The regression gate: compare a candidate run with a reference run, for CI."""

from mimbench.gate.comparability import Aligned, Problem, align, row_fits, scoreless
from mimbench.gate.comparison import gate
from mimbench.gate.folders import folder_settings, stated_settings
from mimbench.gate.movers import movers
from mimbench.gate.output import as_json, as_junit, as_markdown, as_text
from mimbench.gate.pairing import of_same_models, same_scores, same_weights
from mimbench.gate.result import GateResult, GateTest, not_compared
from mimbench.gate.settings import GateSettings, Spread, read_gate_file

__all__ = [
    "Aligned",
    "GateResult",
    "GateSettings",
    "GateTest",
    "Problem",
    "Spread",
    "align",
    "as_json",
    "as_junit",
    "as_markdown",
    "as_text",
    "folder_settings",
    "gate",
    "movers",
    "not_compared",
    "of_same_models",
    "read_gate_file",
    "row_fits",
    "same_scores",
    "same_weights",
    "scoreless",
    "stated_settings",
]
