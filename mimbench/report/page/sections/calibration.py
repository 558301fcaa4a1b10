"""How far the posteriors of classifiers are from the truth."""

import pandas as pd

from mimbench.report.leaderboard.lookup import interval_text
from mimbench.report.page.sections.section import Page, table_section
from mimbench.scores.tables import CLEAN

__all__ = ["SECTIONS"]


def _table(page: Page) -> pd.DataFrame:
    table = page.results.calibration
    if table.empty:
        return table
    clean = table[table["corruption"] == CLEAN]
    return pd.DataFrame(
        {
            "score": row,
            **{
                str(line["metric"]).replace("brier", "Brier score").replace("ece", "ECE"): (
                    interval_text(line)
                )
                for line in part.to_dict("records")
            },
        }
        for row, part in clean.groupby("row", sort=False)
    )


SECTIONS = (
    table_section(
        id="calibration",
        nav="Calibration",
        order=130,
        title="Calibration",
        words=(
            "How far the posteriors of classifiers are from the truth, on undamaged target and "
            "known images. Brier score and expected calibration error (ECE): 0 is perfect, lower "
            "is better."
        ),
        table=_table,
    ),
)
