"""Sentences of the report: how to read a number, and what it cannot show."""

from math import isnan

import pandas as pd

from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.lookup import Estimate, rounded
from mimbench.report.page.sections.validation import untaught
from mimbench.runfolder.reading import RunFolder
from mimbench.statistics.core.cautions import MARK, legend
from mimbench.statistics.core.estimate import Estimate as Difference

__all__ = [
    "CONVENTIONS",
    "board_legend",
    "cautions",
    "corruption_note",
    "difference_text",
    "findings",
    "glance",
    "number_note",
    "sample_note",
    "standing_note",
]

NAMED = 4  # detectors in a sentence
CONVENTIONS = (
    "AUROC: the chance that a randomly drawn other image gets a higher score than a randomly drawn "
    "target image. 1 is perfect, 0.5 is a coin toss; below 0.5 the score points the wrong way, and "
    "it is printed as it is, never flipped.",
    "FPR@95TPR, target positive: the share of other images that are still accepted as target when "
    "the threshold accepts 95 % of the target images. Lower is better; this is the headline.",
    "FPR@95TPR, OOD positive (the OpenOOD convention): the share of target images that are refused "
    "when the threshold refuses 95 % of the other images. Lower is better.",
    "Corrupted: mean over all corruptions and severities, target and other images both corrupted. "
    "Drop: clean AUROC minus that mean.",
    "Open-set beside a name: the score asks whether an image is of any known category, and accepts "
    "known ones by design; all others ask whether it is of the target. Both kinds are measured on "
    "both questions.",
    "A control is a row that is not meant to know what the target looks like. What a control "
    "reaches is not evidence for any detector. A row is compared with the controls that see images "
    "of its own size.",
    "Comparisons with the best control and the best detector are paired: the same images and "
    "patients. Their 95 % intervals contain retraining, those of AUROCs are over patients alone.",
    "Each number is the mean over the categories of a group; categories from the target's source "
    "and from other sources are never averaged together.",
)


def standing_note(entry: Entry, board: Leaderboard) -> str:
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


def _not_compared(entry: Entry) -> str:
    """Why a row is not compared with a control."""
    size = entry.detector.input_size
    return f"not compared with a control that sees {size} px" if size else "no control to compare"


def findings(board: Leaderboard) -> tuple[str, ...]:
    """One sentence per group: the best detector beside the best control."""
    sentences = []
    for group, (row, _) in board.best.items():
        best = board.entry(row)
        estimate = best.cells[group]["auroc"]
        sentence = f"{group.label}: the highest detector is {row}, AUROC {estimate.text()}"
        if group in best.best_control:
            name, value = best.best_control[group]
            gap = best.over_control[group]
            verdict = {
                "above": "above",
                "uncertain": "not clearly above",
                "not above": "not above",
                "not compared": "not compared with",
            }[best.standing(group)]
            sentence += (
                f"; it is {verdict} the best control, {name}, with {rounded(value)} "
                f"(difference {difference_text(gap)})"
            )
        elif board.best_control:
            sentence += f"; it is {_not_compared(best)}"
        sentences.append(sentence[0].upper() + sentence[1:] + ".")
    return tuple(sentences)


def number_note(estimate: Estimate, more: str = "") -> str:
    """What stands behind a number: patients, how its interval was made, and what else to know."""
    method = estimate.method if estimate.has_interval else f"no interval: {estimate.reason}"
    patients = f"{estimate.n_target_patients} target and {estimate.n_other_patients} other patients"
    return ". ".join(part for part in (f"{patients}; {method}", more, estimate.caution) if part)


def difference_text(difference: Difference) -> str:
    """A signed difference with its interval, e.g. "+0.05 [-0.01, +0.11]"."""
    ends = (difference.value, difference.low, difference.high)
    value, low, high = (f"{round(end, 9) + 0.0:+.2f}" for end in ends)  # -0.00: below zero
    mark = MARK * bool(difference.caution)
    return value if isnan(difference.low) else f"{value} [{low}, {high}]{mark}"


def board_legend(board: Leaderboard) -> str:
    """What the mark beside intervals of the leaderboard means; empty if none is marked."""
    return legend(
        estimate.caution
        for entry in board.entries
        for cells in entry.cells.values()
        for estimate in cells.values()
    )


def cautions(
    run: RunFolder, board: Leaderboard, kinds: tuple[str, ...] = ("AUROC", "FPR@95TPR")
) -> tuple[str, ...]:
    """What a reader must not conclude from this run; which of `kinds` lack numbers or intervals."""
    found = []
    if run.description:
        found.append(f"What the run file says of this run: {run.description}")
    if run.generated:
        found.append(
            "All images are generated. What separates them need not separate photos of people."
        )
    if run.phantom:
        found.append(
            "The phantom was built so that complexity, colour and the raw error of an untrained "
            "inpainter are near chance. A raw error near 0.5 follows from that; it is no finding."
        )
    found += run.doubts
    if run.info.rounding:
        found.append(run.info.rounding)
    found += untaught(run.tables)
    if run.tables.folds <= 1:
        found.append(
            "One split: a single division of the patients cannot show how much the numbers change "
            "from split to split. Run with --folds 3 to see the fold-to-fold spread."
        )
    if board.entries and not any(entry.control for entry in board.entries):
        found.append(
            "No control was run, so nothing here shows that a detector uses more than image "
            "statistics. Add the control recipes to see what they reach."
        )
    found += [f"{row.name}: {row.description}" for row in run.info.added]
    found += [
        f"{entry.row} was made elsewhere and lies below 0.5 in every group. A higher score must "
        "mean less like the target; if its sign was meant the other way round, mend the file. "
        "Here it is printed as it is."
        for entry in board.entries
        if entry.detector.elsewhere and _inverted(entry, board)
    ]
    found += _missing(board, kinds)
    if len(run.rejected):
        found.append(
            f"Images that could not be read and were left out: {len(run.rejected)}. They are "
            "listed in rejected.csv and in the section Limits of index.html."
        )
    return tuple(found)


def _inverted(entry: Entry, board: Leaderboard) -> bool:
    """Whether a row is below a coin toss everywhere, and where it counts beyond chance."""
    cells = [entry.cell(group, "auroc") for group in board.groups]
    primary = entry.cell(board.primary, "auroc")
    return (
        primary is not None
        and (primary.high if primary.has_interval else primary.value) < 0.5
        and all(cell.value < 0.5 for cell in cells if cell is not None and cell.exists)
    )


def sample_note(board: Leaderboard) -> str:
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
        f"{group.label}: {estimate.n_other} images of {estimate.n_other_patients} patients"
        for group, estimate in cells.items()
    )
    methods = sorted({estimate.method for estimate in cells.values() if estimate.method})
    intervals = f" Intervals are 95 %: {', '.join(methods)}." if methods else ""
    return (
        f"Target: {target.n_target} test images of {target.n_target_patients} patients. "
        f"Others: {groups}.{intervals} They hold for the categories that were tested."
        + corruption_note(board)
        + _few_trainings(board)
    )


def _few_trainings(board: Leaderboard) -> str:
    """A sentence on the detectors of which the run cannot say how much retraining moves them."""
    names = [board.entry(row).detector.name for row in board.few_trainings]
    found = list(dict.fromkeys(names))
    if not found:
        return ""
    more = f" and {len(found) - NAMED} more" * (len(found) > NAMED)
    return (
        f" Fewer than three trainings (seeds) of {', '.join(found[:NAMED])}{more}: how much "
        "retraining moves them is unknown, so comparisons with them are of these trained models "
        "alone and none counts as clear. Run with --seeds 3."
    )


def corruption_note(board: Leaderboard) -> str:
    """At which size corruptions acted, as a sentence after another one; empty if none did."""
    if not board.corrupted_at:
        return ""
    return f" Images were corrupted at {board.corrupted_at}; published lengths are for 224 px."


def _missing(board: Leaderboard, kinds: tuple[str, ...]) -> list[str]:
    """Which measures lack a number or an interval, why, and in which groups."""
    gaps: dict[tuple[str, str], dict[str, None]] = {}
    for entry in board.entries:
        for group, cells in entry.cells.items():
            for measure, estimate in cells.items():
                kind = "FPR@95TPR" if measure.startswith("fpr95") else "AUROC"
                if estimate.reason and kind in kinds:
                    what = "No interval" if estimate.exists else "No number"
                    places = gaps.setdefault((f"{what} for {kind}", estimate.reason), {})
                    places[group.label] = None
    return [f"{what}: {reason} ({'; '.join(places)})." for (what, reason), places in gaps.items()]


def glance(run: RunFolder, board: Leaderboard) -> tuple[tuple[str, str], ...]:
    """The run in a few facts, as pairs of a name and a value."""
    tables = run.tables
    images, scores = tables.images, tables.scores
    conditions = scores.loc[scores["severity"] > 0, ["corruption", "severity"]].drop_duplicates()
    sizes = sorted({d.input_size for d in run.detectors.values() if d.input_size is not None})
    seeds = int(tables.fits["seed"].nunique())
    facts = [
        ("Target", run.target),
        (
            "Generated images" if run.generated else "Images",
            f"{len(images):,} of {images['patient'].nunique():,} patients",
        ),
        ("Categories", f"{images['category'].nunique()}"),
        ("Detectors", f"{sum(not d.control for d in run.detectors.values())}"),
        ("Controls", f"{sum(d.control for d in run.detectors.values())}"),
        ("Folds × seeds", f"{max(tables.folds, 1)} × {max(seeds, 1)}"),
        (
            "Corruptions",
            f"{conditions['corruption'].nunique()} at {_severities(conditions['severity'])}"
            + f", on images of {board.corrupted_at}" * bool(board.corrupted_at)
            if len(conditions)
            else "none",
        ),
        ("Images kept at", f"{run.info.canonical_size} px" if run.info.canonical_size else "n/a"),
        ("Detectors see", ", ".join(f"{size} px" for size in sizes)),
        ("Date", run.info.date[:10]),
    ]
    return tuple((name, value) for name, value in facts if value)


def _severities(levels: "pd.Series[int]") -> str:
    """E.g. "severity 5", or "severities 1, 3, 5"."""
    names = [str(level) for level in sorted(levels.unique())]
    return f"{'severity' if len(names) == 1 else 'severities'} {', '.join(names)}"
