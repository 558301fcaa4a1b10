"""A Croissant file: JSON-LD whose fields image, category and patient name columns of a CSV file.

Source: Croissant format specification 1.0, http://mlcommons.org/croissant/1.0.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mimbench.data.columns import Columns
from mimbench.data.layouts.metadata import by_columns
from mimbench.data.manifest import Manifest
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.tree import Listing
from mimbench.errors import DataError

__all__ = ["FILE_NAME", "read"]

FILE_NAME = "croissant.json"
_LARGEST = 2**26  # bytes


def read(listing: Listing, file: Path) -> Manifest:
    """Read the images that a Croissant file describes.

    Args:
        listing: of the file's folder.
        file: the JSON-LD.

    Raises:
        DataError: no Croissant file, no record set with the fields image and category from one
            CSV file that lies beside it, or none of the images is there.
    """
    content = _content(file)
    for record in _each(content.get("recordSet")):
        sources = dict(_sources(record))
        if {"image", "category"} <= set(sources):
            break
    else:
        raise DataError(
            f"{shown(file)} has no record set with the fields image and category, each from a "
            "column of a CSV file."
        )
    table, _ = sources["image"]
    named = {name: (column,) for name, (source, column) in sources.items() if source == table}
    if "category" not in named:
        raise DataError(f"{shown(file)}: image and category come from different files.")
    columns = Columns(**{name: named[name] for name in Columns.model_fields if name in named})
    manifest = by_columns(listing, columns, _file(content, table, file))
    used = {**manifest.used, shown(file): "list of the images"}
    return replace(manifest, layout="croissant", used=used)


def _content(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > _LARGEST:
            raise DataError(f"{shown(file)} is larger than a Croissant file may be.")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{shown(file)} is not readable JSON: {error}.") from error
    if not isinstance(content, dict) or "recordSet" not in content:
        raise DataError(f"{shown(file)} is not a Croissant file: it has no recordSet.")
    return content


def _each(value: Any) -> Iterator[Mapping[str, Any]]:
    """Objects of a list, or the one object that stands in its place."""
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            yield entry


def _sources(record: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The name of each field with the file and the column that it comes from."""
    for field in _each(record.get("field")):
        name = str(field.get("name", field.get("@id", ""))).rpartition("/")[2]
        for source in _each(field.get("source")):
            file = source.get("fileObject", {})
            place = file.get("@id") if isinstance(file, dict) else file
            extract = source.get("extract", {})
            column = extract.get("column") if isinstance(extract, dict) else None
            if isinstance(place, str) and isinstance(column, str):
                yield name, (place, column)


def _file(content: Mapping[str, Any], name: str, beside: Path) -> Path:
    for entry in _each(content.get("distribution")):
        if entry.get("@id") == name:
            url = str(entry.get("contentUrl", ""))
            if "://" in url:
                raise DataError(
                    f"{shown(beside)}: its table {name} lies on the web ({url}). Download it, and "
                    "write the name of the file as its contentUrl."
                )
            return beside.parent / url
    raise DataError(f"{shown(beside)}: nothing in its distribution has the @id {name}.")
