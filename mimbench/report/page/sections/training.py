"""How the trainings went."""

from typing import Any

from mimbench.report.page.sections.section import Page, Section

__all__ = ["SECTIONS"]


def _data(page: Page) -> dict[str, Any] | None:
    return {} if len(page.results.training) else None


SECTIONS = (
    Section(
        id="training",
        title="How the trainings went",
        nav="Training",
        order=150,
        data=_data,
        template="training.html.j2",
    ),
)
