"""Verdicts about claims, as the page shows them: the headline first, further readings below."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mimbench.claims import Verdict
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS", "ClaimView", "claim_views", "evidence"]


@dataclass(frozen=True)
class ClaimView:
    """A claim with its headline reading and further ones."""

    claim: str
    headline: Verdict
    further: tuple[Verdict, ...]


def claim_views(verdicts: Sequence[Verdict]) -> list[ClaimView]:
    """Claims in the order of their verdicts."""
    by_claim: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_claim.setdefault(verdict.claim, []).append(verdict)
    views = []
    for own in by_claim.values():
        first, *further = sorted(own, key=lambda verdict: not verdict.headline)
        views.append(ClaimView(own[0].statement, first, tuple(further)))
    return views


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
    counts = Counter(view.headline.verdict for view in views)
    hint = ", ".join(f"{count} {word}" for word, count in counts.items())
    return {"claims": views, "evidence": evidence, "hint": hint}


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
