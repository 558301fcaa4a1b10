"""Tables that were written once can be read for good, and only main fits speak for a detector."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_tables import Made, made_tables

from mimbench.errors import TableError
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables, of_rows
from mimbench.statistics.run.comparisons import Quantity, RunAurocs


@pytest.fixture
def tables() -> RunTables:
    return made_tables({"mim": Made(0.9, swap=0.6), "harmonic": Made(0.6, control=True)})


def rewrite(path: Path, version: int, drop: tuple[str, ...] = ()) -> None:
    table = pq.read_table(path).drop_columns(list(drop))
    note = b'{"schema_version": %d}' % version
    metadata = {**table.schema.metadata, b"mimbench": note}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_tables_of_the_first_schema_are_read_as_if_nothing_had_been_withheld(
    tables: RunTables, tmp_path: Path
) -> None:
    tables.write(tmp_path)
    rewrite(tmp_path / "fits.parquet", 1, drop=("withheld", "study"))
    old = read_tables(tmp_path)
    pd.testing.assert_frame_equal(old.fits[tables.fits.columns], tables.fits)
    assert old.main_fits.tolist() == tables.main_fits.tolist()


def test_tables_of_a_newer_schema_are_refused(tables: RunTables, tmp_path: Path) -> None:
    tables.write(tmp_path)
    rewrite(tmp_path / "fits.parquet", 99)
    with pytest.raises(TableError, match="upgrade mimbench"):
        read_tables(tmp_path)


def test_fits_with_withheld_categories_and_swap_fits_enter_no_number(tables: RunTables) -> None:
    extra = tables.fits["fit_id"].str.contains("measles")
    blind = tables.scores[tables.scores["fit_id"].str.contains("mpox")].assign(value=0.0)
    blind = blind.assign(fit_id="blind-" + blind["fit_id"])
    fits = tables.fits[~extra].assign(withheld="measles", study="left-out 0")
    fits = fits.assign(fit_id="blind-" + fits["fit_id"])
    joined = RunTables(
        pd.concat([tables.scores, blind]), pd.concat([tables.fits, fits]), tables.images
    )
    assert joined.main_fits.sum() == 2
    asked = Quantity("mim", relation="same-source")
    own, alone = (RunAurocs(run).influence(asked) for run in (joined, tables))
    assert own.value == alone.value


def test_a_column_with_numbers_in_one_file_and_text_in_another_is_kept_as_text(
    tables: RunTables, tmp_path: Path
) -> None:
    age = pd.Series([41.5, "42", None], dtype=object)
    ages = pd.Series([age[number % 3] for number in range(len(tables.images))], dtype=object)
    RunTables(tables.scores, tables.fits, tables.images.assign(age=ages)).write(tmp_path)
    assert set(read_tables(tmp_path).images["age"]) == {"41.5", "42", ""}


def test_a_row_keeps_the_scores_that_its_line_was_fitted_on() -> None:
    """Without them its interval lacks what the line varies by."""
    tables = made_tables({"residual": Made(0.8), "untrained": Made(0.6), "other": Made(0.7)})
    lines = json.dumps({"residual": "untrained"})
    tables = RunTables(tables.scores, tables.fits.assign(lines=lines), tables.images)
    assert set(of_rows(tables, ["residual"]).scores["score"]) == {"residual", "untrained"}
    assert set(of_rows(tables, ["other"]).scores["score"]) == {"other"}
