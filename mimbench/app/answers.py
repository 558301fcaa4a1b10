"""The three answers, and how often each kind of picture gets which."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.app.export.guard import REASONS, Guard

__all__ = ["ANSWERS", "DISAGREE", "MOST_SILENT", "Rule", "answer_shares", "disagreement"]

ANSWERS = ("like", "unlike", "none")
DISAGREE = "disagree"
# shares of the fits that may contradict the others; from the strictest to none
STEPS = (0.0, 0.1, 0.2, 0.25, 0.34, 0.4, 0.5)
MOST_DISAGREEING = 0.02  # share of the target's validation images on which the fits disagree
MOST_SILENT = 0.05  # share of these images that may get no answer in all


@dataclass(frozen=True)
class Rule:
    """How scores and the guard become one of ANSWERS.

    Attributes:
        guard: what a picture must look like.
        disagreement: no answer where a larger share of the fits contradicts the others.
    """

    guard: Guard
    disagreement: float

    def answers(
        self, accepted: NDArray[np.float64], reasons: NDArray[np.bool_]
    ) -> NDArray[np.str_]:
        """One of ANSWERS for each picture.

        Args:
            accepted: (N,), share of the fits that accept it.
            reasons: (N, len(REASONS)), why the guard refuses it.
        """
        told = np.where(accepted >= 0.5, "like", "unlike")
        silent = reasons.any(1) | (np.minimum(accepted, 1 - accepted) > self.disagreement)
        return np.where(silent, "none", told)


def disagreement(accepted: NDArray[np.float64], refused: NDArray[np.bool_]) -> float:
    """The strictest of STEPS that leaves few of the target's validation images without an answer.

    At most 2 % of them exceed it, and at most 5 % get no answer for this reason or another one,
    unless the other ones alone are more.

    Args:
        accepted: (N,), share of the fits that accept each of these images.
        refused: (N,), whether there is no answer to it for another reason.
    """
    apart = np.minimum(accepted, 1 - accepted)
    most = max(MOST_SILENT, refused.mean())
    return next(
        step
        for step in STEPS
        if (apart > step).mean() <= MOST_DISAGREEING and (refused | (apart > step)).mean() <= most
    )


def answer_shares(
    rule: Rule,
    accepted: NDArray[np.float64],
    reasons: NDArray[np.bool_],
    kinds: NDArray[np.object_],
) -> pd.DataFrame:
    """Shares of each answer and reason by kind of picture.

    Returns:
        One row per kind, in order of appearance: `kind`, `n`, a column for each answer, `why_`
        and each of REASONS, and DISAGREE: shares of the kind's pictures in [0, 1].
    """
    given = rule.answers(accepted, reasons)
    apart = np.minimum(accepted, 1 - accepted) > rule.disagreement
    columns = {name: given == name for name in ANSWERS}
    columns |= {f"why_{name}": reasons[:, k] for k, name in enumerate(REASONS)}
    table = pd.DataFrame({"kind": kinds, **columns, DISAGREE: apart})
    shares = table.groupby("kind", sort=False).mean()
    return shares.assign(n=table.groupby("kind", sort=False).size()).reset_index()
