"""Pairs of pictures that show the same photograph: cropped, turned, mirrored, recompressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from mimbench.data.near_duplicates.alignment import Alignment, agreement, align, align_whole
from mimbench.data.near_duplicates.candidates import Turn, by_keypoints, by_signs
from mimbench.data.near_duplicates.features import (
    SIDE,
    Features,
    Grey,
    decode,
    encode,
    features,
    grey,
    mirrored,
)
from mimbench.data.reading.decoding import each_whole_picture

__all__ = ["PAIR_COLUMNS", "near_duplicates", "near_duplicates_between", "picture_features"]

PAIR_COLUMNS = ("first", "second", "similarity", "matches")

# Measured on 791 photos: two versions of one photo, cropped to 60 %, turned by any angle,
# recompressed at quality 30 or all of these, have at least 11 matches and an agreement of 0.93.
# Receipts of one shop reach 22 matches but 0.64; further photos of the same skin from another
# place mostly 0.7 to 0.8.
_LEAST_MATCHES = 5
_LEAST_AGREEMENT = 0.85
_UNSEEN_MATCHES = 12
_KEPT_PICTURES = 512


def picture_features(table: pd.DataFrame, known: pd.DataFrame | None = None) -> pd.DataFrame:
    """What is compared of each picture that lies in a file.

    Args:
        table: images with `image_id` and `path`; generated ones have no path and are left out.
        known: an earlier result, whose pictures are not read again.

    Returns:
        `image_id`, `path` and `features` (bytes, at most 2 kB), each image once; a file that
        cannot be read any more is left out.
    """
    files = table.loc[table["path"] != "", ["image_id", "path"]].drop_duplicates("image_id")
    have = {} if known is None else dict(zip(known["image_id"], known["features"], strict=True))
    missing = files[~files["image_id"].isin(list(have))]
    made = each_whole_picture(
        [Path(path) for path in missing["path"]], SIDE, lambda p: encode(features(grey(p)))
    )
    have |= {
        image: found
        for image, found in zip(missing["image_id"], made, strict=True)
        if found is not None
    }
    found = files[files["image_id"].isin(list(have))].reset_index(drop=True)
    return found.assign(features=[have[image] for image in found["image_id"]])


def near_duplicates(pictures: pd.DataFrame) -> pd.DataFrame:
    """Pairs among pictures that show the same photograph.

    Args:
        pictures: of `picture_features`.

    Returns:
        As `near_duplicates_between`, each pair once.
    """
    return near_duplicates_between(pictures, pictures)


def near_duplicates_between(new: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a new and an old picture that show the same photograph.

    Keypoints that agree on how one picture lies on the other make a pair; then the two files are
    laid on one another and must agree in nine tenths of what they share. A file that cannot be read
    any more is judged by its keypoints alone. The result depends neither on the order of rows nor
    on a random number.

    Args:
        new: `image_id`, `path` and `features`, of `picture_features`.
        old: likewise; pictures that are in both are not compared with themselves.

    Returns:
        `first` (an image_id of `new`), `second` (of `old`), `similarity` (correlation that nine
        tenths of the common part reach, 0.85 to 1; missing where a file could not be read) and
        `matches` (keypoints in the same places), the most similar first.
    """
    pictures = _Pictures(pd.concat([new, old]))
    own, other = sorted(set(new["image_id"])), sorted(set(old["image_id"]))
    own_features = pictures.features(own)
    other_features = own_features if new is old else pictures.features(other)
    found: dict[tuple[str, str], _Judged] = {}
    rows: dict[tuple[str, str], tuple[str, str]] = {}
    for search in (by_keypoints, by_signs):
        for candidate in search(own_features, other_features):
            first, second = own[candidate.first], other[candidate.second]
            if first == second:
                continue
            # Always in the same direction, so that a pair is judged alike whoever is new.
            ordered = first < second
            pair = (first, second) if ordered else (second, first)
            judged = pictures.judge(*pair, candidate.turn if ordered else candidate.turn.back)
            if judged is not None:
                found[pair] = judged.and_too(found.get(pair, judged))
                rows[pair] = pair if new is old else (first, second)
    table = pd.DataFrame(
        [(*rows[pair], judged.similarity, judged.matches) for pair, judged in found.items()],
        columns=list(PAIR_COLUMNS),
    ).astype({"first": "str", "second": "str", "similarity": "float64", "matches": "int64"})
    order = ["similarity", "first", "second"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)


@dataclass(frozen=True)
class _Judged:
    """What speaks for one photograph: correlation, NaN if unseen, and matching keypoints."""

    similarity: float
    matches: int

    def and_too(self, other: "_Judged") -> "_Judged":
        """The better of both ways to find a pair."""
        similarity = float(np.fmax(self.similarity, other.similarity))
        return _Judged(similarity, max(self.matches, other.matches))


class _Pictures:
    """Features of pictures, and the pictures themselves as long as they are needed."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._features = {
            image: decode(data)
            for image, data in zip(table["image_id"], table["features"], strict=True)
        }
        self._mirrored = lru_cache(_KEPT_PICTURES)(lambda image: mirrored(self._features[image]))
        self._paths = dict(zip(table["image_id"], table["path"], strict=True))
        self._grey = lru_cache(_KEPT_PICTURES)(self._read)
        self._judged: dict[tuple[str, str, Turn], _Judged | None] = {}

    def features(self, images: Sequence[str]) -> list[Features]:
        return [self._features[image] for image in images]

    def judge(self, first: str, second: str, turn: Turn) -> _Judged | None:
        """Whether they show the same photograph when the first one is turned in this way."""
        key = (first, second, turn)
        if key not in self._judged:
            self._judged[key] = self._judge(first, second, turn)
        return self._judged[key]

    def _judge(self, first: str, second: str, turn: Turn) -> _Judged | None:
        alignment = None if turn.whole else self._align(first, second, turn.mirror)
        if not turn.whole and (alignment is None or alignment.matches < _LEAST_MATCHES):
            return None
        matches = 0 if alignment is None else alignment.matches
        own, other = self._grey(first), self._grey(second)
        if own is None or other is None:
            return _Judged(float("nan"), matches) if matches >= _UNSEEN_MATCHES else None
        if alignment is None:
            alignment = align_whole(own, other, turn.quarter, turn.mirror)
        similarity = agreement(own, other, alignment)
        return _Judged(similarity, matches) if similarity >= _LEAST_AGREEMENT else None

    def _align(self, first: str, second: str, mirror: bool) -> Alignment | None:
        own = self._mirrored(first) if mirror else self._features[first]
        found = align(own, self._features[second])
        if found is None or not mirror:
            return found
        return Alignment(found.matrix @ np.diag([-1.0, 1.0, 1.0]), found.matches)

    def _read(self, image: str) -> Grey | None:
        (picture,) = each_whole_picture([Path(self._paths[image])], SIDE, grey)
        return picture
