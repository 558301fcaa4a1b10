"""What a run says of each detector that its user added: how it compares with the run's own ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan

from mimbench.claims import Verdict
from mimbench.recipes import names
from mimbench.registry import BUILT_IN
from mimbench.report.answer import Line, State
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.leaderboard.notes import difference_text
from mimbench.report.leaderboard.paired_differences import LEVEL, PairedDifferences
from mimbench.report.subject import first_score, subject_of
from mimbench.runfolder.reading import DetectorInfo, RunFolder
from mimbench.scores.tables import of_rows
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.run.comparisons import holm
from mimbench.text import counted

__all__ = ["NOTHING", "added_detectors", "added_lines"]

MIM = "inpainting"  # the family of its detectors
NOTHING = "The run has nothing to compare it with."
RETRAINING = "What retraining changes is unknown; --seeds 3 shows it."
MOST_LINES = 2
MOST_GROUPS = 3


def added_detectors(run: RunFolder) -> list[DetectorInfo]:
    """The detectors that are neither shipped nor written in the run file; no controls.

    A plug-in that is written in the run file is one, too. None where no record says what was run:
    all may be from elsewhere.
    """
    own = {*names("baselines"), *_in_place(run)}
    told = [*(one.name for one in run.info.detectors), *(one.name for one in run.info.added)]
    found = [run.detectors[name] for name in told if name not in own]
    return [one for one in found if not one.control]


def _in_place(run: RunFolder) -> set[str]:
    """Detectors of mimbench that the run file describes in place, by its names for them."""
    entries = run.info.run.as_json().get("detectors", ())
    names_given = {str(one.get("name")) for one in entries if isinstance(one, dict)}
    return {
        one.name
        for one in run.info.detectors
        if one.name in names_given and one.detector in BUILT_IN
    }


def added_lines(
    run: RunFolder, board: Leaderboard, verdicts: Sequence[Verdict] = ()
) -> tuple[Line, ...]:
    """A line for each added detector, at most two: paired differences of clean AUROCs.

    It is compared with the best control, and with the row that the claims fix, or else the highest
    score of MIM; where the run has no MIM, of what it would be about without it (`subject_of`).
    p-values are adjusted over all differences of a line; where the other row is the highest of
    several, "lower" is one of as many chances and adjusted for them too.

    Args:
        run: the run.
        board: its leaderboard.
        verdicts: on its claims, which may fix the row to compare with.
    """
    added = added_detectors(run)
    rows = [row for one in added if (row := first_score(one, board))]
    shown = rows[:MOST_LINES]
    reference, rivals = _reference(run, board, verdicts, {one.name for one in added})
    differences = PairedDifferences(of_rows(run.tables, {reference, *shown}))
    lines = [_line(board.entry(row), reference, rivals, board, differences) for row in shown]
    more = len(rows) - len(shown)
    if more:
        last = lines[-1]
        words = f"{last.words} {counted(more, 'more added detector', 'is')} in the leaderboard."
        lines[-1] = replace(last, words=words)
    return tuple(lines)


def _reference(
    run: RunFolder, board: Leaderboard, verdicts: Sequence[Verdict], added: set[str]
) -> tuple[str, list[str]]:
    """The row that added ones are compared with, empty if there is none; of which the highest.

    A row that the claims fix is the only one.
    """
    subject = subject_of(run, board, verdicts, without=added)
    if subject is None:
        return "", []
    if any(verdict.headline and verdict.row == subject.row for verdict in verdicts):
        return subject.row, [subject.row]
    rows = [one for one in board.entries if one.headline and one.detector.name not in added]
    first = board.entry(subject.row).detector.name
    own = [one.row for one in rows if one.detector.family == MIM and not one.control]
    own = own or [one.row for one in rows if one.detector.name == first]
    return own[0], own  # the entries are in order of AUROC


@dataclass(frozen=True)
class _Gap:
    """The difference of an added row from another one, on one group of images."""

    group: Group
    other: str
    difference: Estimate
    chances: int  # rows of which the other one is the highest
    higher: str = ""  # which of these rows is higher on this group, with its AUROC

    @property
    def p(self) -> float:
        """Of no difference; adjusted for the choice of the other row where that one is higher."""
        own = self.difference
        return min(1.0, own.p * self.chances) if own.value < 0 else own.p

    def text(self, clear: bool, groups: Sequence[Group], *, named: bool) -> str:
        """E.g. "+0.05 [-0.01, +0.11] on known"; with the source, if images of two are known."""
        side = "higher" if self.difference.value > 0 else "lower"
        return (
            difference_text(self.difference)
            + f" ({self.other})" * named
            + f" on {_place(self.group, groups)}"
            + f" ({self.higher})" * bool(self.higher)
            + f": clearly {side}" * clear
        )


def _line(
    entry: Entry,
    reference: str,
    rivals: Sequence[str],
    board: Leaderboard,
    differences: PairedDifferences,
) -> Line:
    groups = board.groups[:MOST_GROUPS]
    of_reference = [
        _Gap(
            group,
            reference,
            differences.between(entry.row, reference, group),
            len(rivals),
            _higher(reference, rivals, group, board),
        )
        for group in groups
        if reference
    ]
    controls = sum(one.control for one in board.entries)
    of_controls = [
        _Gap(group, entry.best_control[group][0], entry.over_control[group], controls)
        for group in groups
        if group in entry.over_control
    ]
    gaps = [gap for gap in (*of_reference, *of_controls) if not isnan(gap.difference.value)]
    if not gaps:
        return Line(f"Added: {entry.row}", "caution", NOTHING)
    p_values = [gap.p for gap in gaps]
    clear = dict(zip(gaps, (holm(p_values) < LEVEL).tolist(), strict=True))
    parts: list[str] = []
    chosen = f" (highest of {len(rivals)} on {_place(groups[0], board.groups)})"
    rule = chosen * (len(rivals) > 1)
    named = f"{reference}{rule}"
    for name, own in ((named, of_reference), ("the best control", of_controls)):
        told = [
            gap.text(clear[gap], board.groups, named=own is of_controls)
            for gap in own
            if gap in clear
        ]
        if told:
            parts.append(f"{'From' if parts else 'Difference in AUROC from'} {name}: ")
            parts[-1] += f"{'; '.join(told)}."
    if not any(clear.values()):
        parts.append(f"No difference is clear ({_why_not(p_values)}).")
    elif any(map(isnan, p_values)):
        parts.append(RETRAINING)
    cautions = tuple(gap.difference.caution for gap in gaps)
    return Line(f"Added: {entry.row}", _state(clear), " ".join(parts), cautions)


def _higher(row: str, rivals: Sequence[str], group: Group, board: Leaderboard) -> str:
    """Which of some rows is the highest on a group, e.g. "mim/l1 has 0.89"; empty if `row` is."""
    found = {name: board.entry(name).cell(group, "auroc") for name in (row, *rivals)}
    areas = {name: cell.value for name, cell in found.items() if cell and not isnan(cell.value)}
    best = max(areas, key=lambda name: areas[name], default=row)
    higher = row in areas and areas[best] > areas[row]
    return f"{best} has {rounded(areas[best])}" if higher else ""


def _place(group: Group, groups: Sequence[Group]) -> str:
    """The role of a group, with its source if images of two sources have that role."""
    alone = [one.role for one in groups].count(group.role) == 1
    return group.role if alone else group.label


def _why_not(p_values: Sequence[float]) -> str:
    """Why none of some differences is clear, whatever their intervals say."""
    if any(map(isnan, p_values)):
        return f"{RETRAINING[0].lower()}{RETRAINING[1:]}".rstrip(".")
    return (
        f"the smallest p, Holm-adjusted over {len(p_values)}, is {min(holm(p_values)):.3f}; "
        "intervals are not adjusted"
    )


def _state(clear: Mapping[_Gap, bool]) -> State:
    if any(is_clear and gap.difference.value < 0 for gap, is_clear in clear.items()):
        return "fail"
    return "pass" if all(clear.values()) else "caution"
