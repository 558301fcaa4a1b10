"""A spreadsheet that opens our CSV files evaluates nothing, and numbers in them stay numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mimbench.csv_files.writing import plain_cell, write_csv

FORMULAS = [
    "=cmd|' /C calc'!A0", "+1+cmd()", "-2+3+cmd()", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1",
    "a;=1", "b\n+1", "-", "+", "-A1", "-1e", "=-0.5", "--1",
]  # fmt: skip
NUMBERS = [
    "-0.5",
    "+0.25",
    "-1e-05",
    "-.5",
    "-12",
    "-0.12 [-0.30, +0.05]",
    "-0.123 [-0.2, 0.1]\u2020",
]
PLAIN = ["mim/l1", "a - b", "[-0.1, 0.2]", "", "x=1", "0.5; -0.3 is less", "a@b.org", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_evaluate_is_text(text: str) -> None:
    plain = plain_cell(text)
    assert plain != text
    assert plain.replace("'", "") == text.replace("'", ""), "an apostrophe and nothing else"
    assert plain_cell(plain) == plain


@pytest.mark.parametrize("text", [*NUMBERS, *PLAIN])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert plain_cell(text) == text


def test_a_written_table_is_neutral_in_its_header_too_and_keeps_every_number(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.csv"
    numbers = np.array([-0.1, 1e-300, np.nan, np.pi])
    table = pd.DataFrame({"=name": ["=1", "-0.5", None, "café"], "value": numbers})
    table["flag"] = [True, False, True, True]
    write_csv(table, path)
    text = path.read_text(encoding="utf-8")
    assert "\n=1" not in text
    back = pd.read_csv(path)
    assert list(back) == ["'=name", "value", "flag"]
    assert back["'=name"].tolist()[:2] == ["'=1", "-0.5"]
    np.testing.assert_array_equal(back["value"], numbers)
    assert back["flag"].tolist() == [True, False, True, True]


def test_every_csv_file_that_mimbench_writes_goes_through_the_one_writer() -> None:
    package = Path(__file__).parents[3] / "mimbench"
    found = {
        path.name
        for path in package.rglob("*.py")
        if ".to_csv(" in path.read_text(encoding="utf-8")
    }
    assert found <= {"writing.py", "cache.py"}, "cache.py hashes and writes nothing"
