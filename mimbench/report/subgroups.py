"""Subgroups of a run: subgroups.csv for the page, and a table in text."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mimbench.report.leaderboard.lookup import interval_text
from mimbench.runfolder.derived import write_derived
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.cautions import legend
from mimbench.statistics.tables.subgroups import (
    FEWEST_PATIENTS,
    SUBGROUP_COLUMNS,
    subgroup_table,
)

__all__ = ["skin_tone_table", "write_subgroups"]

_TONE = "skin_tone"


def write_subgroups(
    folder: Path,
    by: Sequence[str],
    *,
    rows: Sequence[str] = (),
    fewest: int = FEWEST_PATIENTS,
    accept_changed: bool = False,
) -> str:
    """Measure the subgroups of a finished run, write subgroups.csv, and return them as text.

    Args:
        folder: of the run.
        by: columns of the images table.
        rows: scores; by default those that speak for their detectors.
        fewest: patients that a group needs on each side.
        accept_changed: take what was changed since the run wrote it too.

    Raises:
        UnknownNameError: no such column or row.
        TableError: the folder has no readable tables.
        OutputError: the folder cannot be written.
    """
    run = read_run(folder, accept_changed=accept_changed)
    chosen = list(rows) or _headline_rows(run)
    tables = [subgroup_table(run.tables, name, rows=chosen, fewest=fewest) for name in by]
    table = _as_shown(pd.concat(tables, ignore_index=True))
    write_derived(table, folder / "subgroups.csv", run.tables)
    text = table.drop(columns="caution").to_string(index=False) + "\n"
    marked = legend(table["caution"])
    return f"{text}{marked}\n" if marked else text


def skin_tone_table(run: RunFolder, rows: Sequence[str] = ()) -> pd.DataFrame:
    """Rows by skin tone, columns as `SUBGROUP_COLUMNS`; empty where no image says it.

    `rows` are names of scores; by default those that speak for their detectors.
    """
    images = run.tables.images
    if _TONE not in images or not (images[_TONE].fillna("").astype(str) != "").any():
        return pd.DataFrame(columns=list(SUBGROUP_COLUMNS)).astype(SUBGROUP_COLUMNS)
    return subgroup_table(run.tables, _TONE, rows=rows or _headline_rows(run))


def _headline_rows(run: RunFolder) -> list[str]:
    """Scores that speak for their detectors."""
    scores, fits = run.tables.scores, run.tables.fits.set_index("fit_id")["detector"]
    clean = scores.loc[scores["corruption"] == CLEAN, ["fit_id", "score"]].drop_duplicates()
    headline = [
        row
        for row, fit in zip(clean["score"], clean["fit_id"], strict=True)
        if run.detectors[fits[fit]].is_headline(row)
    ]
    return list(dict.fromkeys(headline))


def _as_shown(table: pd.DataFrame) -> pd.DataFrame:
    """Columns in words and two decimals."""
    values = [
        line["reason"] if np.isnan(line["value"]) else interval_text(line)
        for line in table.to_dict("records")
    ]
    columns = ["row", "metric", "role", "relation", "by", "group"]
    shown = table[columns].assign(value_and_95_interval=values)
    counts = ["target_patients", "other_patients", "caution"]
    shown[counts] = table[counts]
    return shown
