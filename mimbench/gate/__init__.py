"""The regression gate: compare a candidate run with a reference run, for CI."""

from mimbench.gate.comparability import Problem, scoreless
from mimbench.gate.comparison import gate
from mimbench.gate.folders import folder_settings
from mimbench.gate.movers import movers
from mimbench.gate.output import as_json, as_junit, as_markdown, as_text
from mimbench.gate.result import GateResult, GateTest
from mimbench.gate.settings import GateSettings, Spread, read_gate_file

__all__ = [
    "GateResult",
    "GateSettings",
    "GateTest",
    "Problem",
    "Spread",
    "as_json",
    "as_junit",
    "as_markdown",
    "as_text",
    "folder_settings",
    "gate",
    "movers",
    "read_gate_file",
    "scoreless",
]
