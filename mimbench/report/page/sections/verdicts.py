"""Verdicts about claims, as the page shows them: the headline first, further readings below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from mimbench.claims import Verdict, count_text
from mimbench.report.answer import Line, State
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS", "ClaimView", "claim_views", "evidence", "first_lines"]

MOST_LINES = 5
STATES: dict[str, State] = {"supported": "pass", "refuted": "fail", "not reproduced": "fail"}


@dataclass(frozen=True)
class ClaimView:
    """A claim with what was found.

    Attributes:
        claim: its statement.
        headline: readings of its headline row, one per relation.
        untested: rows without any number, and one of their verdicts, for each reason.
        further: readings of other rows.
    """

    claim: str
    headline: tuple[Verdict, ...]
    untested: tuple[tuple[tuple[str, ...], Verdict], ...]
    further: tuple[Verdict, ...]


def claim_views(verdicts: Sequence[Verdict]) -> list[ClaimView]:
    """Claims in the order of their verdicts."""
    by_claim: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_claim.setdefault(verdict.claim, []).append(verdict)
    return [
        ClaimView(
            own[0].statement,
            tuple(verdict for verdict in own if verdict.headline and not _empty(verdict)),
            tuple(_by_reason([verdict for verdict in own if _empty(verdict)])),
            tuple(verdict for verdict in own if not verdict.headline and not _empty(verdict)),
        )
        for own in by_claim.values()
    ]


def _empty(verdict: Verdict) -> bool:
    """Whether there is nothing to say but why it was not tested."""
    return verdict.verdict == "not tested" and not verdict.effect


def _by_reason(verdicts: Sequence[Verdict]) -> Iterator[tuple[tuple[str, ...], Verdict]]:
    """Rows that were not tested for one reason, together."""
    found: dict[tuple[str, str], list[Verdict]] = {}
    for own in verdicts:
        found.setdefault((own.explanation, own.remedy), []).append(own)
    for same in found.values():
        yield tuple(dict.fromkeys(own.row for own in same)), same[0]


def first_lines(verdicts: Sequence[Verdict]) -> tuple[Line, ...]:
    """The verdicts on headline rows for the top of the page, at most five lines.

    Those that were tested have one each, and the others with the reason where there is room; or
    else the last line names their claims.
    """
    headline = [own for own in verdicts if own.headline]
    tested = [own for own in headline if own.verdict != "not tested"]
    untested = [own for own in headline if own.verdict == "not tested"]
    if len(headline) <= MOST_LINES:
        return tuple(_line(own, headline) for own in (*tested, *untested))
    room = MOST_LINES - bool(untested)
    if len(tested) > room:  # what speaks against a claim is never left out
        tested.sort(key=lambda own: STATES.get(own.verdict) != "fail")
    shown = tested if len(tested) <= room else tested[: MOST_LINES - 1]
    lines = [_line(own, headline) for own in shown]
    more = [own for own in tested if own not in shown]
    names = {own.claim: None for own in (*more, *untested)}
    if names:
        about = "Further verdicts" if more else "Not tested"
        lines.append(Line(about, "caution", f"{', '.join(names)}."))
    return tuple(lines)


def _apart(own: Verdict, verdicts: Sequence[Verdict]) -> bool:
    """Whether its claim has another verdict, for images of the other relation."""
    return [other.claim for other in verdicts].count(own.claim) > 1


def _line(own: Verdict, verdicts: Sequence[Verdict]) -> Line:
    if own.verdict == "not tested":
        return Line(own.verdict, "caution", f"{own.statement} {_first(own.explanation)}")
    relation = own.relation if _apart(own, verdicts) else ""
    what = own.effect.partition(", ")[0] + f", {relation.replace('-', ' ')}" * bool(relation)
    return Line(
        own.verdict,
        STATES.get(own.verdict, "caution"),
        f"{own.statement} {what}: {own.number}, claimed {own.claimed}; {_decided_by(own)}",
    )


def _decided_by(own: Verdict) -> str:
    """Why an interval alone does not give the verdict, in a few words."""
    if isnan(own.p):
        return "how much retraining or a fitted line moves it is unknown."
    told = own.verdict in ("confounded", "inconclusive") and own.explanation
    why = f" {_first(own.explanation)}" if told else ""
    return f"adjusted p {own.adjusted_p}.{why}"


def _first(explanation: str) -> str:
    """Its first sentence."""
    return f"{explanation.split('. ')[0].rstrip('.')}."


def evidence(verdict: Verdict) -> str:
    """The numbers behind a verdict in one line; empty if nothing was measured."""
    if not verdict.effect:
        return ""
    parts = [
        f"{verdict.effect}: {verdict.number}",
        f"claimed {verdict.claimed}",
        *[f"adjusted p {verdict.adjusted_p}"] * bool(verdict.adjusted_p),
        f"{verdict.target_patients} target and {verdict.other_patients} other patients",
    ]
    return "; ".join(parts)


def _data(page: Page) -> dict[str, Any] | None:
    views = claim_views(page.verdicts)
    if not views:
        return None
    few = {own.few_patients for own in page.verdicts if own.effect}
    return {
        "claims": views,
        "evidence": evidence,
        "few": few.pop() if len(few) == 1 else "",
        "hint": count_text(page.verdicts),
    }


SECTIONS = (
    Section(
        id="verdicts",
        title="Verdicts",
        nav="Verdicts",
        order=10,
        data=_data,
        template="verdicts.html.j2",
    ),
)
