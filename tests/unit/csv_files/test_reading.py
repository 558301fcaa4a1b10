"""Tables as people write them are read, or the true cause is named with its line."""

import os
from pathlib import Path

import pandas as pd
import pytest

from mimbench.csv_files.reading import numbers, read_delimited
from mimbench.errors import TableError

COLUMNS = ("path", "category", "patient")
PLAIN = "path,category,patient\na.png,acne,p1\nb.png,mpox,p2\n"


def _read(path: Path, content: str | bytes) -> pd.DataFrame:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_delimited(path, COLUMNS, TableError).cells


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n") + "\n,,\n",
        "\n\n" + PLAIN,
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("\n", ",,,\n"),
        "path,category,patient\na.png,acne,p1,\nb.png,mpox,p2,\n",
        "path,category,patient\n0,a.png,acne,p1\n1,b.png,mpox,p2\n",
        ",path,category,patient\n0,a.png,acne,p1\n1,b.png,mpox,p2\n",
        ",path,category,patient\n7,a.png,acne,p1\n3,b.png,mpox,p2\n",
        PLAIN.replace(",", " , "),
        PLAIN.replace("a.png", '"a.png"'),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", "\t").encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    ],
)
def test_the_same_table_in_many_spellings(tmp_path, content):
    expected = pd.DataFrame(
        {"path": ["a.png", "b.png"], "category": ["acne", "mpox"], "patient": ["p1", "p2"]},
        dtype="str",
    )
    pd.testing.assert_frame_equal(_read(tmp_path / "t.csv", content), expected)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("path,category,path\na,b,c\n", ("two columns", "'path'")),
        (
            "path,category\n\n\na.png,acne\nb.png,acne,and more\n",
            ("line 5", "3 cells", "2 columns"),
        ),
        (
            "# exported on Monday\npath,category\na.png,acne\n",
            ("line 1", "# exported on Monday", "name the columns", "path, category"),
        ),
        ("a.png,acne\nb.png,acne,p1\n", ("line 1", "'a.png, acne'", "name the columns")),
        (
            "path,category\nr1,a.png,acne\nr2,b.png,acne\n",
            ("line 2", "3 cells", "2 columns", "index", "give its column a name"),
        ),
        ('path,category\n"a.png,acne\nb.png,acne\n', ("t.csv", "unexpected end")),
        (PLAIN.replace("acne", "acné").encode("latin-1"), ("line 2", "0xe9", "UTF-8")),
        (PLAIN.encode("utf-16-le"), ("zero byte", "UTF-8")),
        (b"PK\x03\x04" + bytes(40), ("Excel", "CSV")),
        (b"PAR1" + bytes(40), ("parquet", "CSV")),
        ("", ("empty",)),
        (" \n\n,,\n", ("empty",)),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, facts):
    with pytest.raises(TableError) as raised:
        _read(tmp_path / "t.csv", content)
    assert all(fact in str(raised.value) for fact in ("t.csv", *facts))


def test_what_was_unusual_is_a_note(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(";path;category\n5;a.png;acne\n9;b.png;acne\n")
    notes = " ".join(read_delimited(path, COLUMNS, TableError).notes)
    assert "semicolons" in notes
    assert "column 1 has no name" in notes
    path.write_text("\npath,category,patient,\na.png,acne,p1\n\n,,\nb.png,acne\nc.png\n")
    blank, short = read_delimited(path, COLUMNS, TableError).notes
    assert "blank lines" in blank
    assert ": 3." in blank
    assert "fewer cells" in short
    assert ": 2 (" in short
    assert "line 6" in short
    path.write_text(PLAIN)
    assert read_delimited(path, COLUMNS, TableError).notes == ()


def test_lines_are_those_of_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('\npath,category\n\n"a\nb.png",acne\n\nc.png,acne\n')
    assert read_delimited(path, COLUMNS, TableError).lines == [4, 7]


def test_pipes_and_devices_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(TableError, match="regular file"):
            read_delimited(path, COLUMNS, TableError)


@pytest.mark.parametrize(
    ("cells", "values", "commas"),
    [
        (["0,5", "-1,25", "3", "1,5e-3"], [0.5, -1.25, 3, 0.0015], True),
        (["0.5", "1e3", "-7"], [0.5, 1000, -7], False),
        (["0.5", "1,234"], [0.5, None], False),
        (["1.234,5", "2,5"], [None, None], False),
        (["0,5", "nothing"], [0.5, None], True),
    ],
)
def test_decimal_commas_are_points_where_all_cells_say_so(cells, values, commas):
    found, notes = numbers(pd.Series(cells, name="value"))
    assert [None if pd.isna(value) else value for value in found] == values
    assert bool(notes) == commas
