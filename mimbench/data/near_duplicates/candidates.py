"""Which pairs of many pictures are worth a comparison, in a time that hardly grows with all pairs.

Two ways: keypoints that share 16 of their bits vote for their pictures, rare patterns more than
common ones, which finds crops and turns; and the signs of the lowest frequencies, which find smooth
pictures without keypoints and those squeezed to another shape.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from mimbench.data.near_duplicates.features import Features, mirrored, turned_signs

__all__ = ["Candidate", "Turn", "by_keypoints", "by_signs"]

MOST = 12  # partners of a picture whose keypoints are compared one by one
_PATTERNS = 8
_PATTERN_BITS = 16
_COMMON = 0.1  # share of pictures in which a pattern says nothing any more
_RARE_ENOUGH = 10  # pictures, where there are few
_CHUNK = 256
_DIFFERENT_SIGNS = 12  # of 63

# Each pattern takes bits from all around the keypoint; 37 has no divisor in common with 128.
_BITS = (37 * np.arange(_PATTERNS * _PATTERN_BITS) % 128).reshape(_PATTERNS, _PATTERN_BITS)


@dataclass(frozen=True)
class Turn:
    """How the first picture is to be changed: mirrored, then turned to the left by quarters.

    Attributes:
        mirror: left and right change places.
        quarter: turns by 90°, known only where `whole`.
        whole: both are taken to show the same from edge to edge.
    """

    mirror: bool
    quarter: int = 0
    whole: bool = False

    @property
    def back(self) -> "Turn":
        """The change of the second picture into the first."""
        return self if self.mirror else replace(self, quarter=-self.quarter % 4)


@dataclass(frozen=True)
class Candidate:
    """Positions of two pictures, and how one would lie on the other."""

    first: int
    second: int
    turn: Turn


def by_keypoints(new: Sequence[Features], old: Sequence[Features]) -> Iterator[Candidate]:
    """For each new picture the old ones that share most patterns of bits, as it is or mirrored."""
    known = _patterns(old)
    pictures = np.asarray((known > 0).sum(axis=0)).ravel()
    weight = np.log1p(len(old) / np.maximum(pictures, 1))
    weight[pictures > max(_COMMON * len(old), _RARE_ENOUGH)] = 0
    weighted = (known @ sp.diags_array(weight)).T.tocsc()
    for start in range(0, len(new), _CHUNK):
        part = new[start : start + _CHUNK]
        plain = (_patterns(part) @ weighted).toarray()
        mirror = (_patterns([mirrored(picture) for picture in part]) @ weighted).toarray()
        votes = np.maximum(plain, mirror)
        for row, own in enumerate(votes):
            for other in _most(own).tolist():
                turned = bool(mirror[row, other] > plain[row, other])
                yield Candidate(start + row, other, Turn(turned))


def _most(votes: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """Positions of the most votes: largest first, of equal ones the earlier.

    One more than `MOST`, since a picture may be among its own partners.
    """
    there = np.flatnonzero(votes > 0)
    if len(there) > MOST + 1:
        least = np.partition(votes[there], -MOST - 1)[-MOST - 1]
        there = there[votes[there] >= least]
    return there[np.argsort(-votes[there], kind="stable")][: MOST + 1]


def _patterns(pictures: Sequence[Features]) -> sp.csr_array:
    """Which patterns each picture has, (N, 8 * 2^16), 0 or 1."""
    rows, columns = [], []
    powers = 1 << np.arange(_PATTERN_BITS)
    for number, picture in enumerate(pictures):
        bits = np.unpackbits(picture.bits, axis=1)
        values = bits[:, _BITS] @ powers + (np.arange(_PATTERNS) << _PATTERN_BITS)
        found = np.unique(values)
        columns.append(found)
        rows.append(np.full(len(found), number))
    where = np.concatenate([*rows, []]).astype(np.int64), np.concatenate([*columns, []]).astype(int)
    shape = len(pictures), _PATTERNS << _PATTERN_BITS
    return sp.csr_array((np.ones(len(where[0]), dtype=np.float32), where), shape=shape)


def by_signs(new: Sequence[Features], old: Sequence[Features]) -> Iterator[Candidate]:
    """Whole pictures whose lowest frequencies have the same signs, turned in any of eight ways."""
    known = _packed(np.array([picture.signs for picture in old], dtype=bool).reshape(-1, 8, 8))
    own = np.array([picture.signs for picture in new], dtype=bool).reshape(-1, 8, 8)
    for mirror in (False, True):
        for quarter in range(4):
            turned = _packed(turned_signs(own, quarter, mirror))
            for start in range(0, len(turned), _CHUNK):
                part = turned[start : start + _CHUNK]
                close = np.bitwise_count(part[:, None] ^ known) <= _DIFFERENT_SIGNS
                close &= (part != 0)[:, None] & (known != 0)
                for row, other in np.argwhere(close):
                    yield Candidate(start + int(row), int(other), Turn(mirror, quarter, whole=True))


def _packed(signs: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    packed: npt.NDArray[np.uint64] = (signs.reshape(-1, 64) * weights).sum(1, dtype=np.uint64)
    return packed
