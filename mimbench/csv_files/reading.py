"""Tables as people write them: CSV files of any delimiter, from any spreadsheet."""

import csv
import io
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mimbench.errors import MimbenchError

__all__ = ["DelimitedTable", "numbers", "read_delimited"]

LARGEST = 2**30  # bytes; a score per image and condition takes a tenth of it at most

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# A mark at the beginning says the encoding; the longest is looked for first.
_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_OTHER_FILES = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"PAR1": "a parquet file; write it as CSV",
    b"\x1f\x8b": "compressed; unpack it",
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class DelimitedTable:
    """A table of text.

    Attributes:
        cells: one column of text per named column, without spaces around.
        lines: the line of the file in which each row begins; the first is line 1.
        notes: what was unusual about the file, one sentence each.
    """

    cells: pd.DataFrame
    lines: list[int]
    notes: tuple[str, ...]


def read_delimited(
    path: Path, expected: Collection[str], error: type[MimbenchError]
) -> DelimitedTable:
    """Read a table with a line of column names.

    Recognised are commas, semicolons, tabs and bars between cells, UTF-8 and UTF-16, delimiters
    too many at the ends of lines, an index without a name, and blank lines.

    Args:
        path: of the file.
        expected: names that columns may have, in small letters; they tell which delimiter the
            file has.
        error: what to raise.

    Raises:
        MimbenchError: of the class `error`: no regular file, no table, two columns of one name, or
            a row with more cells than there are columns.
    """
    text = _text(path, error)
    delimiter, text, skipped = _delimiter(text, expected)
    try:
        lines = list(_rows(text, delimiter, skipped))
    except csv.Error as problem:
        raise error(f"{path} is not a readable CSV file: {problem}.") from problem
    rows = [(line, cells) for line, cells in lines if any(cells)]
    if not rows:
        raise error(f"{path} is not a readable CSV file: it is empty.")
    (first, header), *rows = rows
    notes = [] if delimiter == "," else [f"cells are separated by {_DELIMITERS[delimiter]}."]
    if blank := len(lines) - len(rows) - 1:
        notes.append(f"blank lines left out: {blank}.")
    header, rows, more = _in_columns(_Heading(path, first, header, expected), rows, error)
    header, renamed = _in_small_letters(header, expected)
    doubled = [name for name, count in Counter(header).items() if count > 1]
    if doubled:
        raise error(f"{path} has two columns called '{doubled[0]}'; rename or remove one of them.")
    columns = {name: [row[k] for _, row in rows] for k, name in enumerate(header)}
    cells = pd.DataFrame(columns, dtype="str")
    return DelimitedTable(cells, [line for line, _ in rows], (*notes, *more, *renamed))


def numbers(column: "pd.Series[str]") -> tuple["pd.Series[float]", tuple[str, ...]]:
    """The numbers of a column, NaN for what is none, and a note if commas stand for points.

    A comma is a decimal point where all cells that have one are numbers by it, and none has a
    point.
    """
    with_comma = column[column.str.contains(",", regex=False)]
    by_comma = len(with_comma) > 0 and not column.str.contains(".", regex=False).any()
    by_comma = by_comma and bool(with_comma.map(_DECIMAL_COMMA.fullmatch).notna().all())
    if by_comma:
        column = column.str.replace(",", ".", regex=False)
    note = f"'{column.name}' has decimal commas."
    return pd.to_numeric(column, errors="coerce").astype("float64"), (note,) * by_comma


def _text(path: Path, error: type[MimbenchError]) -> str:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # reading a pipe or device might never end
            raise error(f"{path} is not a regular file; give the path of a CSV file.")
        if about.st_size > LARGEST:
            raise error(f"{path} has {about.st_size / 2**30:.1f} GB; a table has 1 GB at most.")
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise error(f"{path} does not exist; expected a CSV file.") from problem
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    for magic, what in _OTHER_FILES.items():
        if content.startswith(magic):
            raise error(f"{path} is not a readable CSV file: it is {what}.")
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise error(
            f"{path} is not a readable CSV file: line {line} has the byte "
            f"0x{content[problem.start]:02x}, which is no {encoding.upper()}. Save the file as "
            "'CSV UTF-8'."
        ) from problem
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise error(
            f"{path} is not a readable CSV file: line {line} has a zero byte. Save the file as "
            "'CSV UTF-8'."
        )
    return text


def _delimiter(text: str, expected: Collection[str]) -> tuple[str, str, int]:
    """The delimiter, the text without a line that only says it, and how many lines that were."""
    said = re.match(r"\s*sep=([,;\t|])[ \t]*\r?\n", text, re.IGNORECASE)
    if said:
        return said[1], text[said.end() :], said[0].count("\n")
    first = text.lstrip().splitlines()[:1] or [""]
    best, most = ",", (0, 0)
    for delimiter in _DELIMITERS:
        names = [name.strip() for name in next(csv.reader(first, delimiter=delimiter), [])]
        found = sum(name.casefold() in expected for name in names), len(names)
        if found > most:
            best, most = delimiter, found
    return best, text, 0


def _rows(text: str, delimiter: str, skipped: int) -> Iterator[Row]:
    """Rows with the lines in which they begin; those that are blank have no filled cell."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = skipped + 1
    for row in reader:
        yield begins, [cell.strip() for cell in row]
        begins = skipped + reader.line_num + 1


@dataclass(frozen=True)
class _Heading:
    """The line that should name the columns."""

    path: Path
    line: int
    names: list[str]
    expected: Collection[str]

    def too_many_cells(self, rows: Sequence[Row]) -> str:
        """What is wrong where rows have more filled cells than this has names."""
        width, named = len(self.names), ", ".join(self.names)
        if not any(name.casefold() in self.expected for name in self.names):
            return (
                f"{self.path}, line {self.line}, must name the columns, for instance "
                f"{', '.join([*self.expected][:2])}; it is '{named}'. Put the names there, without "
                "any line above them."
            )
        line, row = next((line, row) for line, row in rows if any(row[width:]))
        cells = max(k for k, cell in enumerate(row) if cell) + 1
        advice = "Put cells that hold a delimiter in quotes."
        if all(any(row[width:]) and not any(row[width + 1 :]) for _, row in rows):
            advice = (
                "So have all rows: if the first cell is an index, give its column a name; if a "
                "cell holds a delimiter, put it in quotes."
            )
        return (
            f"{self.path}, line {line}: {cells} cells, but the file has {width} columns ({named}). "
            f"{advice}"
        )


def _in_columns(
    heading: _Heading, rows: list[Row], error: type[MimbenchError]
) -> tuple[list[str], list[Row], list[str]]:
    """Rows as long as the header, whose columns all have names, and notes."""
    notes = []
    header = heading.names
    width = len(header)
    needed = max((k for k, name in enumerate(header, start=1) if name), default=0)
    short = [line for line, row in rows if len(row) < needed]
    if short:
        notes.append(
            f"rows with fewer cells than columns, whose last cells are empty: {len(short)} (the "
            f"first in line {short[0]})."
        )
    longest = max((len(row) for _, row in rows), default=0)
    rows = [(line, row + [""] * (max(width, longest) - len(row))) for line, row in rows]
    if longest > width:
        header = header + [""] * (longest - width)
        if not _filled(rows, range(width, longest)):
            pass  # delimiters at the ends of lines
        elif longest == width + 1 and _counts([row[0] for _, row in rows]):
            header = ["", *header[:-1]]
        else:
            raise error(heading.too_many_cells(rows))
    unnamed = [k for k, name in enumerate(header) if not name]
    for k in unnamed:
        if _filled(rows, [k]):
            index = _counts([row[k] for _, row in rows])
            what = "an index" if index else "not used"
            notes.append(f"column {k + 1} has no name and is left out ({what}).")
    kept = [k for k in range(len(header)) if k not in unnamed]
    names = [header[k] for k in kept]
    return names, [(line, [row[k] for k in kept]) for line, row in rows], notes


def _in_small_letters(header: list[str], expected: Collection[str]) -> tuple[list[str], list[str]]:
    """Expected names in the expected letters, and a note on those that were written otherwise.

    A column `Patient` that is taken for something else would lose the patients.
    """
    names = [name.casefold() if name.casefold() in expected else name for name in header]
    other = [name for name, small in zip(header, names, strict=True) if name != small]
    note = f"columns read in small letters: {', '.join(other)}."
    return names, [note] * bool(other)


def _filled(rows: Sequence[Row], columns: Collection[int]) -> bool:
    return any(row[k] for _, row in rows for k in columns)


def _counts(cells: Sequence[str]) -> bool:
    """Whether cells count the rows, from 0 or 1."""
    return any(
        list(cells) == [str(k) for k in range(first, first + len(cells))] for first in (0, 1)
    )
