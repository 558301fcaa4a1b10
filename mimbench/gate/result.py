"""What the gate found: one test for each row and condition, and what could not be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mimbench.gate.comparability import Problem
from mimbench.gate.settings import GateSettings

__all__ = ["GateResult", "GateTest", "diagnosis", "not_compared"]

ORDER = ("regression", "inconclusive", "improvement", "pass")


@dataclass(frozen=True)
class GateTest:
    """One comparison of the family.

    Attributes:
        row: name of the score.
        condition: "clean" or "corrupted", the mean over all corruptions and severities.
        reference, candidate: AUROCs on the common images.
        drop: reference minus candidate; positive = worse.
        low, high: ends of its interval at level 1 - 2 alpha, unadjusted.
        p: of "the drop is at most the margin", Holm-adjusted.
        retraining_sd: deviation of the drop from retraining alone.
        visible: drop at which this test alone has 50 % power.
        verdict: "regression", "improvement", "pass" or "inconclusive".
        caution: why the interval covers less than it says; empty if it does not.
    """

    row: str
    condition: str
    reference: float
    candidate: float
    drop: float
    low: float
    high: float
    p: float
    retraining_sd: float
    visible: float
    target_patients: int
    other_patients: int
    verdict: str
    caution: str


@dataclass(frozen=True)
class GateResult:
    """What the gate found.

    Attributes:
        settings: as given, with the rows and the group that were gated.
        problems: why the runs are not comparable, or what was allowed.
        tests: the family.
        diagnosis: drops by category and corruption, unadjusted: where to look, not what to believe.
    """

    settings: GateSettings
    problems: tuple[Problem, ...]
    tests: tuple[GateTest, ...]
    diagnosis: pd.DataFrame

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdict of each row: regression before inconclusive before improvement before pass."""
        found: dict[str, str] = {}
        for test in self.tests:
            known = found.get(test.row, test.verdict)
            found[test.row] = min(known, test.verdict, key=ORDER.index)
        return found

    @property
    def fails(self) -> tuple[str, ...]:
        """Verdicts that fail the gate."""
        return ("regression", "inconclusive")[: 1 + self.settings.require_evidence]

    @property
    def exit_code(self) -> int:
        """0; 1 for a row whose verdict fails; 2 if not all that was asked could be compared.

        Nothing compared is never a pass, whatever differences are allowed.
        """
        if any(verdict in self.fails for verdict in self.verdicts.values()):
            return 1
        if not self.tests:
            return 2
        return 2 if any(not problem.allowed for problem in self.problems) else 0


def not_compared(reason: str, settings: GateSettings | None = None) -> GateResult:
    """The result where nothing could be compared, so that its documents say why; exit code 2.

    Args:
        reason: a sentence, e.g. which file is missing.
        settings: as far as they are known.
    """
    problem = Problem("error", reason.rstrip("."), allowed=False)
    return GateResult(settings or GateSettings(), (problem,), (), diagnosis([]))


def diagnosis(tests: Sequence[GateTest]) -> pd.DataFrame:
    """The numbers of unadjusted tests as a frame: where to look, not what to believe."""
    names = ["row", "condition"]
    numbers = ["reference", "candidate", "drop", "low", "high"]
    table = pd.DataFrame(
        [[getattr(test, name) for name in names + numbers] for test in tests],
        columns=names + numbers,
    )
    return table.astype(dict.fromkeys(numbers, "float64"))  # without a line too
