"""Classifiers on their validation images."""

import pandas as pd

from mimbench.report.cautions import untaught
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.page.sections.section import Page, table_section

__all__ = ["SECTIONS"]


def _table(page: Page) -> pd.DataFrame:
    table = page.results.validation
    shown = table.drop(columns=["fit_id"], errors="ignore").astype(object)
    shown = shown.where(shown.notna(), "none")
    return shown.map(lambda cell: rounded(cell) if isinstance(cell, float) else cell)


SECTIONS = (
    table_section(
        id="validation",
        nav="Validation",
        order=140,
        title="Classifiers on their validation images",
        words=(
            "Can a classifier tell the categories it was trained on? One line per trained model, "
            "on patients held out of its training. Balanced accuracy is the mean over categories. "
            "The calibration error (ECE) is taken after the one temperature that fits these images "
            "best."
        ),
        table=_table,
        findings=lambda page: untaught(page.run.tables),
    ),
)
