"""What this run cannot show."""

from typing import Any

from mimbench.report.cautions import cautions
from mimbench.report.page.sections.audit import audit_findings
from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS"]


def _data(page: Page) -> dict[str, Any]:
    return {
        "cautions": cautions(page.run, page.board),
        "audit": audit_findings(page.run),  # says how the images were read, where there is one
    }


SECTIONS = (
    Section(
        id="limits",
        title="What this run cannot show",
        nav="Limits",
        order=180,
        data=_data,
        template="limits.html.j2",
    ),
)
