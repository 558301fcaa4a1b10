"""Behind the numbers: ROC curves and distributions of scores."""

from typing import Any

from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS"]


def _data(page: Page) -> dict[str, Any] | None:
    return {} if page.drawings else None


SECTIONS = (
    Section(
        id="scores",
        title="Behind the numbers",
        nav="Scores",
        order=80,
        data=_data,
        template="scores.html.j2",
    ),
)
