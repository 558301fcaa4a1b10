"""A browser of test images: what each score says of an image, where pictures are kept."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.figures.samples import FitSample
from mimbench.report.page.sections.section import Page, Section
from mimbench.report.page.security import picture_uri
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.tables import CLEAN

__all__ = ["SECTIONS", "browser_data", "sheet_of"]

FOLD = 0  # whose test images are pictured


def sheet_of(run: RunFolder) -> str | None:
    """The picture of all images as a data URI; None if it is missing or not the run's."""
    if run.thumbnails is None:
        return None
    path = run.path / "gallery" / run.thumbnails.file
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != run.thumbnails.sha256:
        return None
    return picture_uri(content)


def browser_data(page: Page) -> dict[str, Any] | None:
    """Rows with their thresholds, and images with their scores, for the page's script.

    Scores are those of one trained model of each row: the first of the first fold. Thresholds are
    frozen on validation images; null where there is none.
    """
    small = page.run.thumbnails
    if small is None:
        return None
    tables, leading = page.run.tables, page.board.leading_rows
    fits = tables.fits[tables.main_fits & (tables.fits["status"] == "ok")]
    fits = fits[fits["fold"].isna() | (fits["fold"] == FOLD)]
    fits = fits.sort_values("seed", kind="stable").drop_duplicates("detector")
    clean = tables.scores[tables.scores["corruption"] == CLEAN]
    own = clean[clean["fit_id"].isin(fits["fit_id"]) & clean["score"].isin(page.rows)]
    wide = own.pivot_table(index="image_id", columns="score", values="value", observed=True)
    images = tables.images.set_index("image_id")
    rows = [row for row in page.rows if row in wide]
    there = wide.index.intersection(images.index)
    known = [k for k, name in enumerate(small.images) if name in there]
    if not rows or not known:
        return None
    scores, ranks = (
        table.reindex(list(small.images)).to_numpy(float).tolist()
        for table in (wide[rows], wide[rows].rank(pct=True))
    )
    return {
        "tile": small.tile,
        "columns": small.columns,
        "rows": [
            {
                "name": row,
                "few": row in leading,
                "threshold": _number(_threshold(page.results.samples.get(row, []))),
            }
            for row in rows
        ],
        "images": [
            {
                "at": k,
                "id": small.images[k][:12],
                "category": str(images.at[small.images[k], "category"]).replace("_", " "),
                "role": str(images.at[small.images[k], "role"]),
                "scores": [_number(value) for value in scores[k]],
                "ranks": [_number(value) for value in ranks[k]],
            }
            for k in known
        ],
    }


def _threshold(samples: list[FitSample]) -> float:
    """That of the first trained model of the first fold."""
    own = sorted(
        (sample for sample in samples if sample.fold == FOLD and not sample.external),
        key=lambda sample: sample.seed,
    )
    return own[0].threshold if own else np.nan


def _number(value: float) -> float | None:
    """Four digits, which is what is printed of a score; None for NaN."""
    return None if pd.isna(value) else float(f"{value:.4g}")


def _data(page: Page) -> dict[str, Any] | None:
    sheet, browser = sheet_of(page.run), browser_data(page)
    if sheet is None or browser is None or page.run.thumbnails is None:
        return None
    painter = page.run.thumbnails.detector
    return {"sheet": sheet, "painter": painter, "script": {"browser": browser}}


SECTIONS = (
    Section(
        id="images",
        title="Images",
        nav="Images",
        order=165,
        data=_data,
        template="images.html.j2",
    ),
)
