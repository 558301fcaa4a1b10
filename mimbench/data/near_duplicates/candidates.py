"""Which pairs of many pictures are worth a comparison, in a time that hardly grows with all pairs.

Two ways: keypoints that share 16 of their bits vote for their pictures, rare patterns more than
common ones, which finds crops and turns; and the signs of the lowest frequencies, which find smooth
pictures without keypoints and those squeezed to another shape.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mimbench.data.near_duplicates.features import Features, mirrored, turned_signs
from mimbench.data.near_duplicates.votes import (
    Patterns,
    Positions,
    by_pattern,
    close_signs,
    most_votes,
)

__all__ = ["Candidate", "Turn", "by_keypoints", "by_signs"]

MOST = 12  # partners of a picture whose keypoints are compared one by one
_PATTERNS = 8
_PATTERN_BITS = 16
_COMMON = 0.1  # share of pictures in which a pattern says nothing any more
_RARE_ENOUGH = 10  # pictures, where there are few
_MANY = 2000  # pictures, likewise: above 20,000 the time would grow with all pairs,
_LEAST = 0.02  # but a smaller share than this one would lose copies
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
        return self if self.mirror or not self.quarter else replace(self, quarter=-self.quarter % 4)


@dataclass(frozen=True)
class Candidate:
    """Positions of two pictures, and how one would lie on the other."""

    first: int
    second: int
    turn: Turn


def by_keypoints(new: Sequence[Features], old: Sequence[Features]) -> Iterator[Candidate]:
    """For each new picture the old ones that share most patterns of bits, as it is or mirrored.

    There is one more than `MOST`, since a picture may be among its own partners.
    """
    patterns, starts = _patterns(old)
    pictures = np.bincount(patterns, minlength=_PATTERNS << _PATTERN_BITS)
    weight = np.log1p(len(old) / np.maximum(pictures, 1))
    many = max(_MANY, _LEAST * len(old))
    weight[pictures > min(max(_COMMON * len(old), _RARE_ENOUGH), many)] = 0
    members, member_starts = by_pattern(patterns, starts, np.where(weight > 0, pictures, 0))
    turns = Turn(False), Turn(True)
    for start in range(0, len(new), _CHUNK):
        part = new[start : start + _CHUNK]
        plain, mirror = _patterns(part), _patterns([mirrored(picture) for picture in part])
        found, turned = most_votes(
            *plain, *mirror, members, member_starts, weight, len(old), MOST + 1
        )
        for row, own in enumerate(found):
            for other, in_mirror in zip(own.tolist(), turned[row].tolist(), strict=True):
                if other >= 0:
                    yield Candidate(start + row, other, turns[in_mirror])


def _patterns(pictures: Sequence[Features]) -> tuple[Patterns, Positions]:
    """Which of 8 * 2^16 patterns each picture has, one picture after another, and their starts."""
    found = [np.zeros(0, dtype=np.int32)]
    powers = 1 << np.arange(_PATTERN_BITS)
    for picture in pictures:
        bits = np.unpackbits(picture.bits, axis=1)
        values = bits[:, _BITS] @ powers + (np.arange(_PATTERNS) << _PATTERN_BITS)
        found.append(np.unique(values).astype(np.int32))
    return np.concatenate(found), np.cumsum([len(own) for own in found])


def by_signs(new: Sequence[Features], old: Sequence[Features]) -> Iterator[Candidate]:
    """Whole pictures whose lowest frequencies have the same signs, turned in any of eight ways.

    Where `new` is `old`, each pair comes once, the earlier picture first.
    """
    known = _packed(np.array([picture.signs for picture in old], dtype=bool).reshape(-1, 8, 8))
    own = np.array([picture.signs for picture in new], dtype=bool).reshape(-1, 8, 8)
    for mirror in (False, True):
        for quarter in range(4):
            turned = _packed(turned_signs(own, quarter, mirror))
            rows, others = close_signs(turned, known, _DIFFERENT_SIGNS, new is old)
            for row, other in zip(rows.tolist(), others.tolist(), strict=True):
                yield Candidate(row, other, Turn(mirror, quarter, whole=True))


def _packed(signs: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    packed: npt.NDArray[np.uint64] = (signs.reshape(-1, 64) * weights).sum(1, dtype=np.uint64)
    return packed
