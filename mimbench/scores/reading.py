"""The three tables of a run, read and checked against what the run recorded of them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.errors import TableError
from mimbench.scores.coding import CODED
from mimbench.scores.conformance import conform
from mimbench.scores.digests import carries_digest, read_sealed
from mimbench.scores.run_files import refuse_links
from mimbench.scores.schema import ABOUT, SCHEMA_VERSION
from mimbench.scores.tables import DIGESTS_SINCE, RECORD, TABLES, Origin, RunTables

__all__ = ["doubt_about", "read_record", "read_table", "read_tables"]


def read_tables(folder: Path, *, accept_changed: bool = False) -> RunTables:
    """Read the three tables of a run folder, also those that an older mimbench wrote.

    Where run.json records their SHA-256, the files must be those. Tables of another program, in a
    folder without such a record, are read as they are: `RunTables.origin` says so.

    Args:
        folder: of a finished run, or with the three tables alone.
        accept_changed: read tables that are not the recorded ones too; `origin` names them.

    Raises:
        TableError: a file is missing, damaged, not parquet, written by a newer schema, or not the
            one that the run recorded.
        OutputError: something in the folder is a link.
    """
    refuse_links(folder)
    contents = {name: _bytes(folder / f"{name}.parquet") for name in TABLES}
    found = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    recorded = _recorded(folder, accept_changed)
    changed = tuple(name for name in TABLES if recorded.get(name, found[name]) != found[name])
    if changed and not accept_changed:
        files = " and ".join(f"{name}.parquet" for name in changed)
        raise TableError(
            f"{folder}: {files} {'is' if len(changed) == 1 else 'are'} not what the run recorded "
            f"in {RECORD}: the SHA-256 is another one. The run was interrupted, or something "
            "changed the file. Repeat the run or bring the file back; if you edited it on purpose, "
            "use --accept-changed."
        )
    tables = {name: _parse(name, contents[name], folder) for name in TABLES}
    guarded = not recorded or carries_digest(folder / RECORD)
    guarded = guarded or all(_schema_of(content) < DIGESTS_SINCE for content in contents.values())
    return RunTables(**tables, origin=Origin(found, changed, bool(recorded), guarded))


def doubt_about(tables: RunTables) -> str:
    """What keeps tables from being known as those that their run wrote, in a sentence; or empty."""
    origin = tables.origin
    if origin is None:
        return ""
    if origin.changed:
        return (
            f"changed since the run recorded them and accepted with --accept-changed: "
            f"{', '.join(f'{name}.parquet' for name in origin.changed)}."
        )
    if not origin.recorded:
        return "no run recorded the SHA-256 of these tables, so nothing shows whether they changed."
    if not origin.guarded:
        return (
            f"the record {RECORD} carries no digest, as records of this schema do, so nothing "
            "shows whether it and the tables changed."
        )
    return ""


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read one of the three tables of a run folder; errors as for `read_tables`."""
    content = _bytes(folder / f"{name}.parquet")
    found = hashlib.sha256(content).hexdigest()
    if _recorded(folder, accept_changed=False).get(name, found) != found:
        raise TableError(f"{folder / name}.parquet is not what the run recorded in {RECORD}.")
    return _parse(name, content, folder)


def read_record(folder: Path, *, accept_changed: bool = False) -> tuple[dict[str, Any], bool]:
    """What run.json says, and whether it was changed since; nothing where there is none.

    Raises:
        TableError: it is not readable, or it was changed and that is not accepted.
    """
    path = folder / RECORD
    return read_sealed(path, accept_changed=accept_changed) if path.exists() else ({}, False)


def _recorded(folder: Path, accept_changed: bool) -> Mapping[str, str]:
    """SHA-256 by table, as run.json has them; nothing where it has none."""
    sums = read_record(folder, accept_changed=accept_changed)[0].get("checksums")
    if sums is None:
        return {}
    if not isinstance(sums, dict) or set(sums) != set(TABLES):
        raise TableError(
            f"{folder / RECORD} is damaged: 'checksums' must name {', '.join(TABLES)}. Bring the "
            "file back or repeat the run."
        )
    return sums


def _schema_of(content: bytes) -> int:
    """Schema version that a table's file names; the newest where it names none."""
    note = (pq.read_schema(pa.BufferReader(content)).metadata or {}).get(ABOUT)
    return SCHEMA_VERSION if note is None else int(json.loads(note)["schema_version"])


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise TableError(
            f"{path} does not exist; is {path.parent} the folder of a finished run? "
            "One that was stopped has its tables when the same command has run to its end."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}.") from error


def _coded_in(schema: pa.Schema) -> list[str]:
    """Columns of scores that are read as codes: as texts they would not fit into memory."""
    kinds = (pa.types.is_string, pa.types.is_large_string)
    return [
        field.name
        for field in schema
        if field.name in CODED and any(is_text(field.type) for is_text in kinds)
    ]


def _parse(name: str, content: bytes, folder: Path) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    try:
        names = _coded_in(pq.read_schema(pa.BufferReader(content))) if name == "scores" else []
        file = pq.ParquetFile(
            pa.BufferReader(content), read_dictionary=names, page_checksum_verification=True
        )
        table = file.read()
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise TableError(f"{path} is not a readable parquet file: {said.rstrip('.')}.") from error
    return conform(name, table, path)
