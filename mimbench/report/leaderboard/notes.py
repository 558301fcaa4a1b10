"""Sentences about the leaderboard: how to read a number, and what stands behind it."""

from math import isnan
from typing import TYPE_CHECKING

from mimbench.report.leaderboard.lookup import Estimate
from mimbench.statistics.core.cautions import legend, mark_of
from mimbench.statistics.core.estimate import Estimate as Difference
from mimbench.text import counted, signed

if TYPE_CHECKING:
    from mimbench.report.leaderboard.entries import Entry, Leaderboard

__all__ = [
    "CONVENTIONS",
    "CONVENTION_OF",
    "board_legend",
    "corruption_note",
    "difference_text",
    "few_trainings_note",
    "number_note",
    "sample_note",
    "standing_note",
    "tested_note",
]

NAMED = 4  # detectors in a sentence
CONVENTION_OF = {  # by the column, or what else it explains
    "auroc": "AUROC: the chance that a randomly drawn other image gets a higher score than a "
    "randomly drawn target image. 1 is perfect, 0.5 is a coin toss; below 0.5 the score points the "
    "wrong way, and it is printed as it is, never flipped.",
    "fpr95_target": "FPR@95TPR, target positive: the share of other images that are still accepted "
    "as target when the threshold accepts 95 % of the target images. Lower is better; this is the "
    "headline.",
    "fpr95_ood": "FPR@95TPR, OOD positive (the OpenOOD convention): the share of target images "
    "that are refused when the threshold refuses 95 % of the other images. Lower is better.",
    "drop": "Drop: clean AUROC minus the corrupted one, which is the mean over all corruptions and "
    "severities, target and other images both corrupted.",
    "open-set": "Open-set beside a name: the score asks whether an image is of any known category, "
    "and accepts known ones by design; all others ask whether it is of the target. Both kinds are "
    "measured on both questions.",
    "controls": "A control is a row that is not meant to know what the target looks like. What a "
    "control reaches is not evidence for any detector. A row is compared with the controls that "
    "see images of its own size.",
    "paired": "Comparisons with the best control and the highest detector are paired: the same "
    "images and patients. Their 95 % intervals contain retraining. The interval of an AUROC does "
    "not: it is over the tested patients and, in a row that is trained per fold, over the patients "
    "that the folds train on.",
    "mean": "Each number is the mean over the categories of a group; categories from the target's "
    "source and from other sources are never averaged together.",
}
CONVENTIONS = tuple(CONVENTION_OF.values())


def standing_note(entry: "Entry", board: "Leaderboard") -> str:
    """In words where a row stands against the best control, e.g. "does not beat the controls"."""
    parts = []
    for standing, phrase in (
        ("not above", "does not beat the controls"),
        ("uncertain", "not clearly above the controls"),
        ("not compared", _not_compared(entry)),
    ):
        groups = [group.label for group in board.groups if entry.standing(group) == standing]
        if len(groups) == len(board.groups) > 0:
            parts.append(phrase)
        elif groups:
            parts.append(f"{phrase} on: {'; '.join(groups)}")
    return ". ".join(parts)


def _not_compared(entry: "Entry") -> str:
    """Why a row is not compared with a control."""
    size = entry.detector.input_size
    return f"not compared with a control that sees {size} px" if size else "no control to compare"


def number_note(estimate: Estimate, more: str = "") -> str:
    """What stands behind a number: patients, how its interval was made, and what else to know."""
    method = estimate.method if estimate.has_interval else f"no interval: {estimate.reason}"
    patients = f"{estimate.n_target_patients} target and {estimate.n_other_patients} other patients"
    return ". ".join(part for part in (f"{patients}; {method}", more, estimate.caution) if part)


def difference_text(difference: Difference) -> str:
    """A signed difference with its interval, e.g. "+0.05 [-0.01, +0.11]"."""
    value, low, high = map(signed, (difference.value, difference.low, difference.high))
    mark = mark_of(difference.caution)
    return value if isnan(difference.low) else f"{value} [{low}, {high}]{mark}"


def board_legend(board: "Leaderboard") -> str:
    """What the mark beside intervals of the leaderboard means; empty if none is marked."""
    return legend(
        estimate.caution
        for entry in board.entries
        for cells in entry.cells.values()
        for estimate in cells.values()
    )


def sample_note(board: "Leaderboard") -> str:
    """What stands behind the whole leaderboard: its images, corruptions and trainings."""
    tested = tested_note(board)
    parts = (tested + corruption_note(board), few_trainings_note(board))
    return " ".join(filter(None, parts)) if tested else ""


def tested_note(board: "Leaderboard") -> str:
    """How many images and patients stand behind the table, and how its intervals are made."""
    own = [group for group in board.groups if not group.external] or board.groups
    cells = {
        group: estimate
        for group in own  # external images have a target side of their own
        for entry in board.entries
        if (estimate := entry.cell(group, "auroc")) is not None
    }
    if not cells:
        return ""
    target = next(iter(cells.values()))
    groups = "; ".join(
        f"{group.label}: {counted(estimate.n_other, 'image')} of "
        f"{counted(estimate.n_other_patients, 'patient')}"
        for group, estimate in cells.items()
    )
    methods = sorted({estimate.method for estimate in cells.values() if estimate.method})
    intervals = f" Intervals are 95 %: {', '.join(methods)}." if methods else ""
    return (
        f"Target: {counted(target.n_target, 'test image')} of "
        f"{counted(target.n_target_patients, 'patient')}. "
        f"Others: {groups}.{intervals} They hold for the categories that were tested."
    )


def few_trainings_note(board: "Leaderboard") -> str:
    """On the detectors of which the run cannot say how much retraining moves them, if any."""
    names = [board.entry(row).detector.name for row in board.few_trainings]
    found = list(dict.fromkeys(names))
    if not found:
        return ""
    more = f" and {len(found) - NAMED} more" * (len(found) > NAMED)
    return (
        f"Fewer than three trainings (seeds) of {', '.join(found[:NAMED])}{more}: how much "
        "retraining moves them is unknown, so comparisons with them are of these trained models "
        "alone and none counts as clear. Run with --seeds 3."
    )


def corruption_note(board: "Leaderboard") -> str:
    """At which size corruptions acted, as a sentence after another one; empty if none did."""
    if not board.corrupted_at:
        return ""
    return f" Images were corrupted at {board.corrupted_at}; published lengths are for 224 px."
