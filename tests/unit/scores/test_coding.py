"""A score table in memory takes a small part of what its texts would take, and says the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from synthetic_run import Category, Row, synthetic_tables

from mimbench.gate.comparability import Aligned
from mimbench.gate.pairing import same_scores
from mimbench.scores import tables as scores_tables
from mimbench.scores.coding import coded, join_scores
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import SCORE_COLUMNS, RunTables
from mimbench.statistics.run.layout import Layout


@pytest.fixture
def tables() -> RunTables:
    """Tables whose texts are texts."""
    categories = (
        Category("mpox", "target", "a", 12, 1, 0.0),
        Category("measles", "known", "a", 12, 1, 1.0),
    )
    rows = tuple(Row(f"{name}/l1", name, "inpainting", False, 0.3, 0.0) for name in "ba")
    made = synthetic_tables(categories, rows, (("fog", 1), ("blur", 3)))
    return RunTables(made.scores.astype(SCORE_COLUMNS), made.fits, made.images)


def test_a_table_of_codes_is_written_as_texts_and_read_as_codes(
    tables: RunTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores_tables, "ROW_GROUP", 50)
    RunTables(coded(tables.scores), tables.fits, tables.images).write(tmp_path)
    file = pq.ParquetFile(tmp_path / "scores.parquet")
    assert file.num_row_groups > 1, "all at once would not fit into memory"
    assert {str(file.schema_arrow.field(name).type) for name in ("fit_id", "score")} == {
        "large_string"
    }
    found = read_tables(tmp_path).scores
    pd.testing.assert_frame_equal(found.astype(SCORE_COLUMNS), tables.scores)
    texts = tables.scores.memory_usage(deep=True).sum()
    assert found["image_id"].cat.codes.nbytes + 12 * len(found) < texts / 4
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), tables.scores)


def test_statistics_of_codes_and_of_texts_are_the_same(tables: RunTables) -> None:
    of_texts = Layout(tables)
    of_codes = Layout(RunTables(coded(tables.scores), tables.fits, tables.images))
    assert of_texts.conditions == of_codes.conditions
    assert of_texts.rows == of_codes.rows
    for row in of_texts.rows:
        np.testing.assert_array_equal(of_texts.values(row), of_codes.values(row))


def test_joined_tables_have_the_names_of_all_of_them_in_order(tables: RunTables) -> None:
    own = tables.scores
    first, second = own[own["score"] == "b/l1"], coded(own[own["score"] == "a/l1"])
    joined = join_scores([first, second])
    texts = pd.concat([first, second.astype(SCORE_COLUMNS)], ignore_index=True)
    pd.testing.assert_frame_equal(joined.astype(SCORE_COLUMNS), texts)
    assert joined["score"].cat.categories.tolist() == ["a/l1", "b/l1"]
    assert joined["severity"].dtype == "int8"


def test_a_gate_sees_the_same_scores_where_two_runs_have_other_codes(tables: RunTables) -> None:
    whole, without_blur = coded(tables.scores), tables.scores["corruption"] != "blur"
    reference = RunTables(whole[without_blur], tables.fits, tables.images)
    candidate = RunTables(coded(tables.scores[without_blur]), tables.fits, tables.images)
    assert not reference.scores.equals(candidate.scores), "their codes differ"
    tested = np.ones(len(tables.images), dtype=bool)
    assert same_scores("b/l1", Aligned(reference, candidate, tested, ()))
