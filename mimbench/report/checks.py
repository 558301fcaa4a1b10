"""What must hold before a run's numbers are read: images, trainings, patients, swap test.

A check that could not be made never passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

import pandas as pd

from mimbench.report.answer import State
from mimbench.report.cautions import guessing, shortened
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.report.results import Results
from mimbench.report.subject import Subject
from mimbench.runfolder.reading import RunFolder
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS
from mimbench.text import counted

__all__ = ["Check", "checks"]

WIDE = 0.10  # half an interval of AUROC: a wider one leaves most differences open
CLEAR = 0.05  # level of p of the swap test
PROBE = "source probe"  # check of the audit that voids a column


@dataclass(frozen=True)
class Check:
    """One check with its outcome.

    Attributes:
        name: what is checked.
        state: "caution" also where it could not be made.
        words: what was found, as a short phrase.
        section: id of the page's section that says more; empty if none does.
    """

    name: str
    state: State
    words: str
    section: str = ""


def checks(run: RunFolder, results: Results, subject: Subject | None) -> tuple[Check, ...]:
    """The four checks of a run; the swap test is that of the subject."""
    return tuple(_checks(run, results, subject))


def _checks(run: RunFolder, results: Results, subject: Subject | None) -> Iterator[Check]:
    yield _data(run, results.board)
    yield _training(run, results.board)
    yield _power(results.board)
    if subject is not None:
        yield _swap_test(results, subject)


def _data(run: RunFolder, board: Leaderboard) -> Check:
    """Whether the images can mislead: leaks, and collections that differ by their files."""
    table = run.extras.get("audit")
    if table is None:
        if board.warnings:
            return Check("data audit", "caution", "controls see more at a larger size", "limits")
        return Check("data audit", "caution", "not made, or not kept in this folder")
    kinds = dict(zip(("error", "warning"), ("fail", "caution"), strict=True))
    found = table[table["severity"].isin(list(kinds))]
    probes = found[found["check"] == PROBE]
    if len(probes):
        names = ", ".join(str(text).partition(" ")[0] for text in probes["message"])
        advice = (
            "--harmonise, added to the run's command, trains everything on re-encoded files too "
            "and shows what that changes"
        )
        if run.as_is is not None:
            advice = "this is so although all files were re-encoded alike"
        words = (
            f"{names}: separated from the target by file and border facts alone (source probe), so "
            f"an AUROC there may not be of skin; {advice}"
        )
        return Check("data audit", "fail", words, "audit")
    if (found["severity"] == "error").any():
        return Check("data audit", "fail", _count(found, "error"), "audit")
    if len(found) or board.warnings:
        words = _count(found, "warning") if len(found) else "controls see more at a larger size"
        return Check("data audit", "caution", words, "audit")
    return Check("data audit", "pass", "no error, no warning", "audit")


def _count(found: pd.DataFrame, severity: str) -> str:
    """How many findings there are, and of which checks, e.g. "1 warning: marks"."""
    own = found.loc[found["severity"] == severity, "check"]
    return f"{counted(len(own), severity)}: {', '.join(map(str, own.unique()))}"


def _training(run: RunFolder, board: Leaderboard) -> Check:
    """Whether trained models learned, and were trained often enough to compare them."""
    fits = run.tables.fits[run.tables.main_fits]
    words, section = [], "spread"
    if board.few_trainings:
        words = ["fewer than three trainings (seeds), so no comparison of trained rows is clear"]
    if short := [f"{told[:1].lower()}{told[1:]}" for told in shortened(run)]:
        words, section = [*short, *words], "limits"
    if failed := [failure.row for failure in board.failures if not failure.not_run]:
        words, section = [f"failed: {', '.join(failed)}", *words], "limits"
    poor = guessing(run.tables)
    if poor:
        few = [f"{name}: {_poor(*own)} no better than guessing" for name, own in poor.items()]
        words, section = [*few, *words], "validation"
    if words:
        most = any(2 * low >= count for low, count in poor.values())
        return Check("training", "fail" if most else "caution", "; ".join(words), section)
    seeds = int(fits["seed"].nunique())
    told = f"{counted(seeds, 'training')} of each" if seeds else "no random training"
    return Check("training", "pass", told, "spread")


def _poor(low: int, count: int) -> str:
    return "its only trained model" if count == 1 else f"{low} of {count} trained models"


def _power(board: Leaderboard) -> Check:
    """Whether enough patients are tested to see a difference, on the group that sorts."""
    cells = [entry.cell(board.primary, "auroc") for entry in board.entries]
    there = [cell for cell in cells if cell is not None and cell.has_interval]
    if not there:
        return Check("power", "caution", "no interval on the first group")
    target, other = there[0].n_target_patients, there[0].n_other_patients
    widest = max(there, key=lambda cell: cell.high - cell.low)
    words = f"widest interval of an AUROC {rounded(widest.low)} to {rounded(widest.high)}"
    state: State = "caution" if widest.high - widest.low > 2 * WIDE else "pass"
    if min(target, other) < FEWEST_PATIENTS:
        state, words = "fail", f"fewer than {FEWEST_PATIENTS} patients on one side; {words}"
    return Check("power", state, words, "leaderboard")


def _swap_test(results: Results, subject: Subject) -> Check:
    """Whether the subject's score depends on the class that it learned."""
    table, board = results.class_signal, results.board
    own = table[(table["row"] == subject.row) & (table["role"] != "swap")]
    if board.primary is not None:
        here = own[own["role"] == board.primary.role]
        own = here[here["relation"] == board.primary.relation] if len(here) else own
    if own.empty:
        return Check("swap test", "caution", f"{subject.row}: not made")
    line = own.to_dict("records")[0]
    words = f"AUROC of {subject.row} minus that when fitted on another class: {interval_text(line)}"
    if isnan(line["p"]):
        return Check("swap test", "caution", f"{words}, inconclusive", "class_signal")
    clear = line["value"] > 0 and line["p"] < CLEAR
    beyond = not line["control"] or (line["over_control"] > 0 and line["over_p"] < CLEAR)
    if clear and beyond and not line["not_compared"]:
        return Check("swap test", "pass", words, "class_signal")
    if clear and (not line["control"] or isnan(line["over_p"]) or line["not_compared"]):
        return Check(
            "swap test", "caution", f"{words}, not compared with a control", "class_signal"
        )
    why = f"not clearly more than the control {line['control']}" if clear else "no clear signal"
    return Check("swap test", "fail", f"{words}, {why}", "class_signal")
