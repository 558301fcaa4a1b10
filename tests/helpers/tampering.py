"""A run's folder as somebody makes it who changes files and mends the record of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimbench.files import file_hash
from mimbench.scores.digests import read_json, write_sealed
from mimbench.scores.tables import TABLES


def restamp(folder: Path) -> None:
    """Record the tables and files as they are now."""

    def fresh(record: dict[str, Any]) -> None:
        record["checksums"] = {name: file_hash(folder / f"{name}.parquet") for name in TABLES}
        record["files"] = {
            name: file_hash(folder / name)
            for name in record.get("files", {})
            if (folder / name).is_file()
        }

    reseal(folder / "run.json", fresh)


def reseal(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a record and give it a digest that fits."""
    record = read_json(path)
    record.pop("digest", None)
    change(record)
    write_sealed(path, record)


def read(path: Path) -> Any:
    """Content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
