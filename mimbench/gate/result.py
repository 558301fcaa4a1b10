"""What the gate found: one test for each row and condition, and what could not be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mimbench.gate.comparability import Problem
from mimbench.gate.settings import GateSettings

__all__ = ["GateResult", "GateTest", "diagnosis", "not_compared"]

PASSED, REGRESSION, NOT_COMPARABLE, FAILED_ROWS, WRONG_SETTINGS = 0, 1, 2, 3, 64  # exit codes
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
        visible: drop at which this test alone has 50 % power; NaN where no patient differs.
        verdict: "regression", "improvement", "pass" or "inconclusive".
        caution: why the interval covers less than it says; empty if it does not.
        unchanged: "scores" where every score is the same in both runs, "ranks" where all images
            keep their ranks; empty where something changed.
        repeatable: whether training draws no random number in either run, so that there is no
            retraining variance.
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
    unchanged: str
    repeatable: bool


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
        """What the command ends with, and the documents say.

        0: passed; 1: a row's verdict fails; 2: not all that was asked could be compared; 3: that is
        so because detectors failed, and for no other reason; 64: the settings are wrong. Nothing
        compared is never a pass, whatever differences are allowed.
        """
        if any(verdict in self.fails for verdict in self.verdicts.values()):
            return REGRESSION
        refused = [problem for problem in self.problems if not problem.allowed]
        if any(problem.kind == "settings" for problem in refused):
            return WRONG_SETTINGS
        if refused and all(problem.failed for problem in refused):
            return FAILED_ROWS
        return NOT_COMPARABLE if refused or not self.tests else PASSED


def not_compared(
    reason: str, settings: GateSettings, *, settings_wrong: bool = False
) -> GateResult:
    """The result where nothing could be compared, so that its documents say why.

    Args:
        reason: a sentence, e.g. which file is missing.
        settings: as far as they are known.
        settings_wrong: the reason is in what was asked, not in the runs.
    """
    kind = "settings" if settings_wrong else "error"
    problem = Problem(kind, reason.rstrip("."), allowed=False)
    return GateResult(settings, (problem,), (), diagnosis([]))


def diagnosis(tests: Sequence[GateTest]) -> pd.DataFrame:
    """The numbers of unadjusted tests as a frame: where to look, not what to believe."""
    names = ["row", "condition"]
    numbers = ["reference", "candidate", "drop", "low", "high"]
    table = pd.DataFrame(
        [[getattr(test, name) for name in names + numbers] for test in tests],
        columns=names + numbers,
    )
    return table.astype(dict.fromkeys(numbers, "float64"))  # without a line too
