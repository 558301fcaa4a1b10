"""The external test: images of another site."""

import pandas as pd

from mimbench.report.external import external_frame, external_notes
from mimbench.report.page.sections.section import Page, table_section

__all__ = ["SECTIONS"]


def _table(page: Page) -> pd.DataFrame | None:
    test = page.results.external
    return None if test is None else external_frame(test)


def _findings(page: Page) -> list[str]:
    test = page.results.external
    return [] if test is None else external_notes(test)


SECTIONS = (
    table_section(
        id="external_auroc",
        nav="External",
        order=110,
        title="External test",
        words=(
            "How the detectors of this run do on another site's images. AUROC compares external "
            "target images with external images of other categories. Images of the run's own "
            "collections take no part: a score that recognises the collection would seem to "
            "recognise the disease. Verdict per image: external_verdicts.csv."
        ),
        table=_table,
        findings=_findings,
    ),
)
