"""Croissant: JSON-LD that says what a collection of images holds, with a CSV file of the images.

Source: Croissant format specification 1.0, http://mlcommons.org/croissant/1.0.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mimbench.csv_files.writing import write_csv
from mimbench.data.dataset import Dataset, survey
from mimbench.data.fetch.places import fetched, located
from mimbench.data.layouts import recognised
from mimbench.data.manifest import given_column
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.sets.facts import DataSet, data_set, set_names
from mimbench.errors import DataError, OutputError
from mimbench.files import atomic_write, file_hash

__all__ = ["write_croissant"]

_CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_CR = ("citeAs", "column", "extract", "field", "fileObject", "recordSet", "source", "key")
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{name: f"cr:{name}" for name in _CR},
}
_DESCRIBED = {
    "image": "path of the image file, relative to this file",
    "category": "disease or kind that the image shows",
    "patient": "images with the same value are not independent; empty: not known",
    "source": "collection that the image comes from",
    "split": "part of the collection's own split",
    "skin_tone": "skin tone, as the collection gives it",
    "image_id": "SHA-256 of the image file",
}
_OURS = ("path", "dataset", "role", "width", "height", "format")


def write_croissant(place: str, out: Path) -> Dataset:
    """Write the metadata of a collection as JSON-LD, and its images as a CSV file beside it.

    Args:
        place: folder, CSV file, or name of a fetched data set.
        out: the file to write, `.json`; the table gets the same name with `.csv`.

    Returns:
        The images that were read.

    Raises:
        DataError: no images, or `out` is no `.json` file.
        OutputError: a file stands there already or cannot be written.
    """
    table = out.with_suffix(".csv")
    if out.suffix != ".json":
        raise DataError(f"{out} must end with .json.")
    if taken := [path for path in (out, table) if os.path.lexists(path)]:
        raise OutputError(f"{taken[0]} exists already; choose another name or remove it.")
    path = located(place)
    found = survey([place], size=32)
    rows = _rows(found, out.parent)
    name = recognised(path) if path.is_dir() else ""
    about = data_set(name) if name in set_names() else None
    if about and about.reader == "named-folders" and not fetched(name, path):
        about = None  # names of folders are no proof that the images are the set's
    write_csv(rows, table)
    content = _described(rows, table, path, about)
    with atomic_write(out) as partial:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        partial.write_text(f"{text}\n", encoding="utf-8")
    return found


def _rows(found: Dataset, folder: Path) -> pd.DataFrame:
    """One row per image: what _DESCRIBED names, and further columns of the collection."""
    own = found.table[found.table["path"] != ""]
    image = [shown(os.path.relpath(on_disk(path), folder)) for path in own["path"]]
    # a patient that nobody knows is the file itself, which `survey` names by data set and path
    dataset = own["dataset"].iloc[0]
    patient = own["patient"].str.removeprefix(f"{dataset}/")
    alone = pd.Series(
        [path.endswith(person) for path, person in zip(own["path"], patient, strict=True)],
        index=own.index,
    )
    first = given_column(1)
    given = [str(name) for name in own if str(name).startswith("given_") and name != first]
    taken = [*_OURS, *given, "image", "category", "patient", "source", "image_id", "split"]
    rest = own.drop(columns=taken, errors="ignore")
    rows = pd.DataFrame(
        {
            "image": image,
            "category": own["category"].tolist(),
            "patient": patient.mask(alone, "").tolist(),
            "source": own["source"].tolist(),
            "image_id": own["image_id"].tolist(),
        }
    )
    return pd.concat([rows, rest.rename(columns={first: "split"}).reset_index(drop=True)], axis=1)


def _described(
    rows: pd.DataFrame, table: Path, path: Path, about: DataSet | None
) -> dict[str, Any]:
    counts = rows["category"].value_counts().sort_index()
    held = ", ".join(f"{count} {category}" for category, count in counts.items())
    name = shown(Path(os.path.realpath(path)).name)
    facts: dict[str, Any] = {"name": name, "description": f"{len(rows)} images: {held}."}
    if about is not None:
        facts = {
            "name": about.title,
            "description": " ".join([about.description, facts["description"], *about.faults]),
            "url": about.page,
            **({"license": about.licence} if about.licence else {}),
            **({"citeAs": about.reference} if about.reference else {}),
        }
    file = {
        "@type": "cr:FileObject",
        "@id": table.name,
        "name": table.name,
        "contentUrl": table.name,
        "contentSize": f"{table.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": file_hash(table),
    }
    fields = [_field(str(column), table.name) for column in rows]
    record = {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "One record per image.",
        "key": {"@id": "images/image"},
        "field": fields,
    }
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        **facts,
        "conformsTo": _CONFORMS_TO,
        "distribution": [file],
        "recordSet": [record],
    }


def _field(column: str, file: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"images/{column}",
        "name": column,
        "description": _DESCRIBED.get(column, "as the collection has it"),
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }
