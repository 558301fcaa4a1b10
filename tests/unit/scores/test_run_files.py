"""Which folders mimbench may write to, judged by what it wrote there itself."""

from pathlib import Path

import pandas as pd
import pytest

from mimbench.errors import OutputError
from mimbench.scores.run_files import check_external
from mimbench.scores.tables import write_table

TABLE = pd.DataFrame({"value": [1.0]})


def test_results_of_an_earlier_score_may_be_replaced(tmp_path: Path) -> None:
    check_external(tmp_path / "new")
    write_table(TABLE, tmp_path / "scores.parquet")
    (tmp_path / "external_verdicts.csv").write_text("image_id\n")
    check_external(tmp_path)


@pytest.mark.parametrize("beside", ["text", "table", "nothing"])
def test_files_that_only_bear_the_names_of_such_results_are_somebody_elses(
    tmp_path: Path, beside: str
) -> None:
    (tmp_path / "external_verdicts.csv").write_text("mine")
    if beside == "text":
        (tmp_path / "scores.parquet").write_text("mine")
    elif beside == "table":
        TABLE.to_parquet(tmp_path / "scores.parquet")
    with pytest.raises(OutputError, match="not empty and holds no scores"):
        check_external(tmp_path)
