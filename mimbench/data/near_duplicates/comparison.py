"""All pictures of a run compared, and what of that a run's folder keeps."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.data.near_duplicates.features import decode
from mimbench.data.near_duplicates.pairs import PAIR_COLUMNS, near_duplicates, picture_features
from mimbench.errors import TableError
from mimbench.files import atomic_write, file_hash
from mimbench.scores.digests import read_sealed, write_sealed

__all__ = ["Comparison", "compare", "read_comparison", "write_comparison"]

_VERSION = 1  # of features and comparison; a new one forgets what older ones found
_FEATURES = "features.parquet"
_PAIRS = "near_duplicates.json"
_ABOUT = b"mimbench"


@dataclass(frozen=True)
class Comparison:
    """Pictures that were compared with one another.

    Attributes:
        features: `image_id`, `path` and `features`, of `picture_features`.
        pairs: of `near_duplicates`.
    """

    features: pd.DataFrame
    pairs: pd.DataFrame


def compare(table: pd.DataFrame, known: Comparison | None = None) -> Comparison:
    """Compare all pictures of `table` that lie in files.

    Args:
        table: images with `image_id` and `path`.
        known: an earlier comparison; its pictures are not read again, and if they are the same
            ones, not compared again.
    """
    features = picture_features(table, None if known is None else known.features)
    if known is not None and set(known.features["image_id"]) == set(features["image_id"]):
        return Comparison(features, known.pairs)
    return Comparison(features, near_duplicates(features))


def read_comparison(folder: Path) -> Comparison | None:
    """What `write_comparison` left there, or None if it is absent, damaged or of another version.

    The `path` of its pictures is empty.
    """
    try:
        table = pq.read_table(folder / _FEATURES)
        about = json.loads((table.schema.metadata or {})[_ABOUT])
        kept, _ = read_sealed(folder / _PAIRS)
        features: pd.DataFrame = table.to_pandas()[["image_id", "features"]].assign(path="")
        if about["version"] != _VERSION or kept["features"] != file_hash(folder / _FEATURES):
            return None
        for data in features["features"]:
            decode(data)
        pairs = pd.DataFrame(kept["pairs"], columns=list(PAIR_COLUMNS))
        kinds = {"first": "str", "second": "str", "similarity": "float64", "matches": "int64"}
        return Comparison(features.astype({"image_id": "str"}), pairs.astype(kinds))
    except (OSError, ValueError, KeyError, TypeError, TableError):
        return None


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Keep a comparison, no more than 2 kB for each picture, and no pixel of any."""
    if comparison.features.empty:
        return
    folder.mkdir(parents=True, exist_ok=True)
    about = {_ABOUT: json.dumps({"version": _VERSION}).encode()}
    features = comparison.features[["image_id", "features"]].sort_values("image_id")
    table = pa.Table.from_pandas(features, preserve_index=False).replace_schema_metadata(about)
    with atomic_write(folder / _FEATURES) as partial:
        pq.write_table(table, partial, write_statistics=False, use_dictionary=False)
    rows = [
        [row["first"], row["second"], row["similarity"], row["matches"]]
        for row in comparison.pairs.to_dict("records")
    ]
    write_sealed(folder / _PAIRS, {"features": file_hash(folder / _FEATURES), "pairs": rows})
