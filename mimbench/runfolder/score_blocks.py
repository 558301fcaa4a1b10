"""Blocks of scores on disk: parquet files that are read as they were written, or not at all.

Parquet has checksums of its pages only, and a name or a type in its footer can change and still be
readable. So each block keeps a digest of everything that it says.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.files import atomic_write, disk_full_as_error
from mimbench.scores.tables import ABOUT

__all__ = ["Block", "read_block", "write_block"]


@dataclass(frozen=True)
class Block:
    """Scores of one fit on one shard under one condition.

    Attributes:
        scores: `image_id` and one column per score.
        about: the address of the scores, and whatever else says what they are.
    """

    scores: pd.DataFrame
    about: Mapping[str, Any]


def write_block(path: Path, block: Block) -> None:
    """Keep a block; what it is about stands in the metadata.

    Raises:
        OutputError: the disk is full.
    """
    with disk_full_as_error(path.parent.parent):
        path.parent.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(block.scores, preserve_index=False)
    note = {"about": block.about, "digest": _digest(table, block.about)}
    table = table.replace_schema_metadata({ABOUT: json.dumps(note, sort_keys=True).encode()})
    with atomic_write(path) as partial:
        pq.write_table(table, partial, write_page_checksum=True)


def read_block(path: Path) -> Block | None:
    """The block kept there, or None if it is absent, damaged, or of before blocks had digests."""
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        note = json.loads(table.schema.metadata[ABOUT])
        if note["digest"] != _digest(table, note["about"]):
            return None
        return Block(table.to_pandas(), note["about"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException):
        return None


def _digest(table: pa.Table, about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_floating(field.type):
            content = column.to_numpy().tobytes()
        else:
            content = json.dumps(column.to_pylist()).encode()
        digest.update(json.dumps([field.name, str(field.type), len(content)]).encode())
        digest.update(content)
    return digest.hexdigest()
