"""With and without harmonising."""

import pandas as pd

from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.report.page.sections.section import Page, table_section

__all__ = ["SECTIONS"]


def _table(page: Page) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "score": line["row"],
            "other images": Group(line["role"], line["relation"]).label,
            "AUROC as they are": interval_text(line, "as_is", "as_is_"),
            "AUROC harmonised": interval_text(line, "harmonised", "harmonised_"),
            "change": rounded(line["change"]),
        }
        for line in page.results.harmonise.to_dict("records")
    )


SECTIONS = (
    table_section(
        id="harmonise",
        nav="Harmonised",
        order=120,
        title="With and without harmonising",
        words=(
            "Clean AUROC on the images as they are, and after all collections were cropped, "
            "resampled and re-encoded in the same way. An AUROC that falls came from the file, not "
            "from the skin."
        ),
        table=_table,
    ),
)
