"""Verdicts about claims, as the page shows them: the headline first, further readings below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mimbench.claims import Verdict, count_text
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS", "ClaimView", "claim_views", "evidence"]


@dataclass(frozen=True)
class ClaimView:
    """A claim with the readings of its headline row, one per relation, and further ones."""

    claim: str
    headline: tuple[Verdict, ...]
    further: tuple[Verdict, ...]


def claim_views(verdicts: Sequence[Verdict]) -> list[ClaimView]:
    """Claims in the order of their verdicts."""
    by_claim: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_claim.setdefault(verdict.claim, []).append(verdict)
    return [
        ClaimView(
            own[0].statement,
            tuple(verdict for verdict in own if verdict.headline),
            tuple(verdict for verdict in own if not verdict.headline),
        )
        for own in by_claim.values()
    ]


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
    return {"claims": views, "evidence": evidence, "hint": count_text(page.verdicts)}


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
