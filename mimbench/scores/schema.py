"""The columns of the three tables, declared once; `conformance` holds what is read against them.

A new column is one line here (`since` the version that brings it, `before` what older tables say
instead) and a higher `SCHEMA_VERSION`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "ABOUT",
    "COLUMNS",
    "CORRUPTION_SIZE",
    "FIT_COLUMNS",
    "FIT_NOTES",
    "IMAGE_COLUMNS",
    "OTHERS",
    "PARTS",
    "ROLES",
    "SCHEMA_VERSION",
    "SCORE_COLUMNS",
    "SPLIT",
    "Column",
    "schema_note",
]

SCHEMA_VERSION = 3
CORRUPTION_SIZE = "corruption_size"  # column of the images
ABOUT = b"mimbench"  # metadata key under which our parquet files say what they are
ROLES = ("target", "known", "unknown", "abnormal", "external")
OTHERS = ("unknown", "known", "external", "abnormal")  # but the target; the first sorts
PARTS = ("train", "validation", "test")
MOST_SEVERE = 5
JSON_TYPES = (str, int, float, bool, type(None))
SPLIT = re.compile(r"split_\d+")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        dtype: of pandas, as it is written.
        since: schema version that brought it.
        before: its value in tables of an older schema, or what makes it from their columns.
        optional: whether a table may lack it.
        empty: whether a cell may be missing or, as text, empty.
        low, high: range of a number, ends included.
        choices: allowed texts; none: any.
        values: of a column of JSON objects, the type of their values; None: no JSON.
    """

    dtype: str
    since: int = 1
    before: Any = None
    optional: bool = False
    empty: bool = False
    low: float = -np.inf
    high: float = np.inf
    choices: tuple[str, ...] = ()
    values: tuple[type, ...] | None = None


def _lines_before(fits: Mapping[str, pd.Series]) -> list[str]:
    """What fits of an older schema say of lines: the scores called "residual" had some.

    What these were fitted on was not kept. A fit without fold has seen no image.
    """
    return [
        "" if pd.isna(fold) else json.dumps({f"{detector}/residual": ""})
        for detector, fold in zip(fits["detector"], fits["fold"], strict=True)
    ]


COLUMNS: dict[str, dict[str, Column]] = {
    "scores": {
        "fit_id": Column("str"),  # -> fits.fit_id
        "score": Column("str"),  # name of the row, "detector/score" or "detector"
        "corruption": Column("str"),  # "clean" or the name of a corruption
        "severity": Column("int8", low=0, high=MOST_SEVERE),  # 0 for clean
        "image_id": Column("str"),  # -> images.image_id
        "value": Column("float64"),  # finite; higher = less like the target
    },
    "fits": {
        "fit_id": Column("str"),  # content address: recipe, training images, seed, code version
        "detector": Column("str"),  # name of the recipe
        "fitted_on": Column("str"),  # target category, or "nothing"
        # known categories that the fit was not shown, joined by "+"
        "withheld": Column("str", since=2, before="", empty=True),
        # why: "known-curve <order>", "left-out <group>", joined by "+"
        "study": Column("str", since=2, before="", empty=True),
        # missing: the fit sees no image and serves every fold
        "fold": Column("Int64", low=0, empty=True),
        "seed": Column("Int64", empty=True),  # missing: the fit draws no random number
        "control": Column("bool"),  # a row that measures pictures, not the target
        "family": Column("str", empty=True),  # "inpainting", "classifier", "control", ...
        # side of the square that the detector sees, pixels; 0: unknown or mixed
        "input_size": Column("int64", low=0, high=2**20),
        "status": Column("str", choices=("ok", "failed", "not run")),
        "reason": Column("str", empty=True),  # why it failed; empty if ok
        "recipe_hash": Column("str", empty=True),
        "state_hash": Column("str", empty=True),
        "seconds": Column("float64", low=0, empty=True),  # wall time of the fit
        "versions": Column("str", empty=True, values=JSON_TYPES),  # package versions, device
        # rows that the fit cannot give, with the reason of each
        "not_run": Column("str", optional=True, empty=True, values=(str,)),
        # what the fit measured of itself on its validation images
        "quality": Column("str", optional=True, empty=True, values=(int, float)),
        # what the detector learns from: "nothing", "target", "known" or "rows"
        "trains_on": Column("str", optional=True, empty=True),
        # rows that a line through held-out images has taken another row out of, and that row;
        # empty: it is not in the tables
        "lines": Column(
            "str", since=3, before=_lines_before, optional=True, empty=True, values=(str,)
        ),
    },
    "images": {
        # SHA-256 of the file's bytes, or of (generator, version, seed, index)
        "image_id": Column("str"),
        "dataset": Column("str", empty=True),  # name of the folder or generator it came from
        "path": Column("str", empty=True),  # as given by the user; empty for generated images
        "category": Column("str"),
        "role": Column("str", choices=ROLES),
        "patient": Column("str"),  # unique over datasets: images of one person share it
        "source": Column("str", empty=True),  # the collection: site, camera, archive
        # if it was corrupted: the side that it had then, pixels
        CORRUPTION_SIZE: Column("Int64", low=1, high=2**20, optional=True, empty=True),
    },
}

SCORE_COLUMNS, FIT_COLUMNS, IMAGE_COLUMNS = (
    {name: column.dtype for name, column in columns.items() if not column.optional}
    for columns in COLUMNS.values()
)

FIT_NOTES = {name: column.dtype for name, column in COLUMNS["fits"].items() if column.optional}


def schema_note() -> bytes:
    """What a table says of its schema, for its metadata."""
    return json.dumps({"schema_version": SCHEMA_VERSION}).encode()
