"""Files that commands make from a run's tables: from which ones, and whether they are as written.

`derived.json` in the run's folder has, for each such file, its own SHA-256 and those of the tables.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mimbench.csv_files.writing import write_csv
from mimbench.errors import TableError
from mimbench.files import file_hash
from mimbench.scores.digests import read_sealed, write_sealed
from mimbench.scores.tables import RunTables

__all__ = ["forget_derived", "record_derived", "unfit", "write_derived"]

RECORD = "derived.json"


def write_derived(table: pd.DataFrame, path: Path, tables: RunTables) -> None:
    """Write a CSV file into a run's folder, and which tables it was made from.

    Args:
        table: what to write.
        path: of the file.
        tables: of the run, as they were read from its folder; made in memory, they leave no record.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_csv(table, path)
    record_derived(path, tables)


def record_derived(path: Path, tables: RunTables) -> None:
    """Record which tables a file of a run's folder was made from; arguments as above.

    Files that are no longer there leave the record.
    """
    if tables.origin is not None:
        made = {"sha256": file_hash(path), "tables": dict(tables.origin.checksums)}
        others = {n: about for n, about in _read(path.parent).items() if (path.parent / n).exists()}
        write_sealed(path.parent / RECORD, {**others, path.name: made})


def forget_derived(folder: Path, sums: Mapping[str, str]) -> None:
    """Remove the recorded files that were made from other tables than those with these SHA-256."""
    made = _read(folder)
    kept = {name: about for name, about in made.items() if about.get("tables") == dict(sums)}
    for name in set(made) - set(kept):
        if Path(name).name == name and name.endswith((".csv", ".json")):
            (folder / name).unlink(missing_ok=True)
    if kept != made:
        write_sealed(folder / RECORD, kept)


def unfit(path: Path, sums: Mapping[str, str], command: str) -> str:
    """Why a file that a command made must not stand beside a run's tables; empty if it may.

    Args:
        path: of the file; it exists.
        sums: SHA-256 of the tables.
        command: that makes the file.
    """
    made = _read(path.parent).get(path.name)
    again = f"{path.name} is not shown here; repeat {command}."
    if made is None:
        return f"Nothing says which tables {path.name} was made from. {again}"
    if made.get("sha256") != file_hash(path):
        return f"{path.name} was changed after it was made. {again}"
    if made.get("tables") != dict(sums):
        return f"{path.name} was made from other tables than these. {again}"
    return ""


def _read(folder: Path) -> dict[str, dict[str, object]]:
    """The record; nothing if there is none that can be believed."""
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        content, _ = read_sealed(path)
    except TableError:
        return {}
    return {name: made for name, made in content.items() if isinstance(made, dict)}
