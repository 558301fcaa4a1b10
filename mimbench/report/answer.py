"""What a run says first, in a few sentences: how its subject compares.

The sentences are verdicts of `mimbench.claims.verify` on claims that are made here from the run:
that the subject is better than the classifiers and than the controls, group by group, and that it
loses less under corruption. So none of them is stronger than a verdict would be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Literal

from mimbench.claims import Claim, ClaimsFile, Verdict, verify
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import Estimate, rounded
from mimbench.report.leaderboard.notes import difference_text
from mimbench.report.leaderboard.paired_differences import PairedDifferences
from mimbench.report.subject import Subject, subject_of
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.tables import RunTables, of_rows
from mimbench.statistics.core.estimate import Estimate as Difference
from mimbench.statistics.run.controls import controls_of, row_facts

__all__ = ["ALPHA", "Answer", "Line", "State", "answer_of"]

State = Literal["pass", "caution", "fail"]
MOST_LINES = 5
ALPHA = 0.05  # of a verdict that is clear
CLASSIFIERS, CONTROLS = "classifiers", "controls"


@dataclass(frozen=True)
class Line:
    """One sentence or two.

    Attributes:
        about: which images, or under which condition.
        state: pass: every comparison is in the subject's favour; fail: one is clearly against it.
        words: what was found.
        cautions: what the mark beside an interval in them means.
    """

    about: str
    state: State
    words: str
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a run says of its subject; no line where nothing can be compared."""

    subject: Subject
    lines: tuple[Line, ...]


def answer_of(
    run: RunFolder, board: Leaderboard, verdicts: Sequence[Verdict] = ()
) -> Answer | None:
    """At most five lines about the subject of a run: one a group, the last on corruption.

    Args:
        run: the run.
        board: its leaderboard.
        verdicts: on its claims, which may fix the subject.

    Returns:
        None where no row is a detector's.
    """
    subject = subject_of(run, board, verdicts)
    if subject is None:
        return None
    entry = board.entry(subject.row)
    opponents = _classifiers(entry, board)
    facts = row_facts(run.tables)
    controls = [name for name in controls_of(entry.row, facts) if name in _names(board)]
    corrupted = [_corruption_line] if (run.tables.scores["severity"] > 0).any() else []
    groups = board.groups[: MOST_LINES - len(corrupted)]
    if not groups:
        return Answer(subject, ())
    claims = list(_claims(entry.row, opponents, controls, groups))
    if corrupted and opponents and board.primary is not None:
        claims.append(_degrades(entry.row, opponents, board.primary))
    tables = of_rows(run.tables, {entry.row, *opponents, *controls})
    judged = _judge(tables, claims)
    differences = PairedDifferences(tables)
    lines = []
    for group in groups:
        compared = [
            _Compared(kind, own, *_highest(entry, against, group, board, differences))
            for kind, against in ((CLASSIFIERS, opponents), (CONTROLS, controls))
            if (own := judged.get(f"{group.slug}.{kind}")) is not None
        ]
        lines.append(_group_line(entry, group, compared))
    lines += [line(entry, board, opponents, judged) for line in corrupted]
    return Answer(subject, tuple(lines))


def _names(board: Leaderboard) -> set[str]:
    return {entry.row for entry in board.entries}


def _classifiers(entry: Entry, board: Leaderboard) -> tuple[str, ...]:
    """Headline rows of detectors that train on known categories and answer the same question."""
    return tuple(
        other.row
        for other in board.entries
        if other.headline
        and other.detector.name != entry.detector.name
        and (other.detector.trains_on == "known" or other.detector.family == "classifier")
        and other.open_set == entry.open_set
    )


def _claims(
    row: str, opponents: Sequence[str], controls: Sequence[str], groups: Sequence[Group]
) -> Iterator[Claim]:
    for group in groups:
        for kind, against in ((CLASSIFIERS, opponents), (CONTROLS, controls)):
            if against:
                yield Claim.model_validate(
                    {
                        "id": f"{group.slug}.{kind}",
                        "statement": f"{row} is better than the {kind}.",
                        "kind": "superior",
                        "rows": [row],
                        "against": list(against),
                        "role": group.role,
                        "relation": group.relation,
                    }
                )


def _degrades(row: str, opponents: Sequence[str], group: Group) -> Claim:
    return Claim.model_validate(
        {
            "id": "corruption",
            "statement": f"{row} loses less than the classifiers under corruption.",
            "kind": "degrades_less",
            "rows": [row],
            "against": list(opponents),
            "role": group.role,
            "relation": group.relation,
            "corruptions": ["*"],
        }
    )


def _judge(tables: RunTables, claims: Sequence[Claim]) -> dict[str, Verdict]:
    """Verdicts by claim; as one family, so that a few of many lines are not clear by luck."""
    if not claims:
        return {}
    family = ClaimsFile(name="answer", alpha=ALPHA, claim=tuple(claims))
    return {own.claim: own for own in verify(tables, family)}


@dataclass(frozen=True)
class _Compared:
    """The subject against rows of one kind: the verdict, and the highest of them."""

    kind: str
    verdict: Verdict
    highest: str
    difference: Difference | None

    @property
    def gap(self) -> str:
        """The difference with its interval."""
        return "n/a" if self.difference is None else difference_text(self.difference)

    @property
    def adjusted(self) -> str:
        """Why a difference is not clear whose own interval says so; empty if that is not so."""
        own = self.difference
        alone = own is not None and (own.low > 0 or own.high < 0)
        if not alone or isnan(self.verdict.p) or _reached(self.verdict):
            return ""
        return f" alone; p {self.verdict.adjusted_p} over all {self.kind} and comparisons here"

    @property
    def words(self) -> str:
        """The comparison in a sentence; the verdict decides the words."""
        one, highest = self.kind.removesuffix("s"), f"the highest is {self.highest} ({self.gap})"
        why = _first(self.verdict.explanation)
        if self.verdict.verdict == "supported":
            return f"Better than every {one}; {highest}."
        if self.verdict.verdict == "confounded":
            return f"Higher than every {one}; {highest}. {why}"
        if self.verdict.verdict == "refuted":
            return f"Worse than a {one}; {highest}."
        return f"Not compared with the {self.kind}: {why}"


def _highest(
    entry: Entry,
    rows: Sequence[str],
    group: Group,
    board: Leaderboard,
    differences: PairedDifferences,
) -> tuple[str, Difference | None]:
    """The highest of some rows on a group, and the subject's difference from it."""
    cells = {row: board.entry(row).cell(group, "auroc") for row in rows}
    there = {row: cell.value for row, cell in cells.items() if cell is not None and cell.exists}
    if not there:
        return "", None
    name = max(there, key=lambda row: there[row])
    return name, differences.between(entry.row, name, group)


def _group_line(entry: Entry, group: Group, compared: Sequence[_Compared]) -> Line:
    estimate = entry.cell(group, "auroc")
    if estimate is None or not estimate.exists:
        return Line(group.label, "caution", f"{entry.row} has no AUROC here.")
    parts = [f"AUROC {estimate.text()}."]
    parts += [own.words for own in compared if own.verdict.verdict != "inconclusive"]
    parts += _inconclusive([own for own in compared if own.verdict.verdict == "inconclusive"])
    if not compared:
        parts.append("The run has nothing to compare it with.")
    cautions = tuple(own.difference.caution for own in compared if own.difference is not None)
    return Line(group.label, _state([own.verdict for own in compared]), " ".join(parts), cautions)


def _inconclusive(found: Sequence[_Compared]) -> list[str]:
    """The comparisons that are on neither side clearly, in one sentence."""
    if not found:
        return []
    sides = [f"the {own.kind} (highest {own.highest}, {own.gap}{own.adjusted})" for own in found]
    unknown = any(isnan(own.verdict.p) for own in found)
    why = ": what retraining changes is unknown" if unknown else ""
    reached = [own.verdict.explanation for own in found if _reached(own.verdict)]
    return [
        f"Inconclusive against {' and '.join(sides)}{why}.",
        *dict.fromkeys(map(_first, reached)),
    ]


def _reached(verdict: Verdict) -> bool:
    """Whether a test is missing, not a clear difference."""
    return verdict.p < ALPHA and verdict.value > 0


def _corruption_line(
    entry: Entry, board: Leaderboard, opponents: Sequence[str], judged: dict[str, Verdict]
) -> Line:
    """What corruption takes from the subject, and from the highest classifier."""
    group = board.primary
    parts = [f"{_change(entry, group)} of AUROC"]
    if opponents:
        other = next(one for one in board.entries if one.row in opponents)  # in order of AUROC
        parts.append(_change(other, group))
    words = f"{', '.join(parts)}."
    own = judged.get("corruption")
    if own is not None:
        words += " " + {
            "supported": "It loses less than every classifier.",
            "refuted": "It loses more than a classifier.",
            "inconclusive": "Which loses less is inconclusive.",
        }.get(own.verdict, _first(own.explanation))
    return Line(f"under corruption ({group.label})" if group else "", _state([own]), words)


def _change(entry: Entry, group: Group | None) -> str:
    """E.g. "mim/residual loses 0.05 [0.01, 0.09]"; a negative drop is a gain."""
    drop = entry.cell(group, "drop")
    if not isinstance(drop, Estimate) or not drop.exists:
        return f"{entry.row} loses n/a"
    if rounded(drop.value).startswith("-"):
        gain = replace(drop, value=-drop.value, low=-drop.high, high=-drop.low)
        return f"{entry.row} gains {gain.text()}"
    return f"{entry.row} loses {drop.text()}"


def _state(verdicts: Sequence[Verdict | None]) -> State:
    words = {own.verdict for own in verdicts if own is not None}
    if words & {"refuted", "not reproduced"}:
        return "fail"
    return "pass" if words == {"supported"} else "caution"


def _first(explanation: str) -> str:
    """The first sentence of an explanation."""
    return f"{explanation.split('. ')[0].rstrip('.')}."
