"""Inner loops of the search among many pictures, compiled."""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled

__all__ = ["Patterns", "Positions", "by_pattern", "close_signs", "most_votes"]

Patterns = NDArray[np.int32]  # and pictures: there are hundreds for each picture
Positions = NDArray[np.int64]
TOGETHER = 512  # pictures


@compiled
def by_pattern(
    patterns: Patterns, starts: Positions, pictures: Positions
) -> tuple[Patterns, Positions]:
    """The pictures that have each pattern, one pattern after another, and where each starts.

    Args:
        patterns: of each picture, one picture after another.
        starts: (n + 1,) where each picture's patterns start.
        pictures: (patterns,) how many have each pattern; 0: nobody asks for this pattern.
    """
    member_starts = np.zeros(pictures.size + 1, np.int64)
    member_starts[1:] = np.cumsum(pictures)
    members, filled = np.empty(member_starts[-1], np.int32), np.zeros(pictures.size, np.int64)
    for picture in range(starts.size - 1):
        for pattern in patterns[starts[picture] : starts[picture + 1]]:
            if pictures[pattern] > 0:
                members[member_starts[pattern] + filled[pattern]] = picture
                filled[pattern] += 1
    return members, member_starts


@compiled
def most_votes(
    plain: Patterns,
    plain_starts: Positions,
    mirror: Patterns,
    mirror_starts: Positions,
    members: Patterns,
    member_starts: Positions,
    weight: NDArray[np.float64],
    pictures: int,
    most: int,
) -> tuple[Positions, NDArray[np.bool_]]:
    """For each new picture the old ones whose patterns have the most votes.

    Args:
        plain: patterns of the new pictures, one picture after another.
        plain_starts: (n + 1,) where each picture's patterns start.
        mirror: likewise, of the new pictures in a mirror.
        mirror_starts: (n + 1,) likewise.
        members: old pictures that have a pattern, one pattern after another.
        member_starts: (patterns + 1,) where each pattern's pictures start.
        weight: (patterns,) of a vote.
        pictures: number of old pictures.
        most: how many are wanted.

    Returns:
        (n, most) positions of old pictures, most votes first and of equal ones the earlier; -1
        where there are no more. And whether the mirrored picture had more votes.
    """
    count = plain_starts.size - 1
    found, turned = np.full((count, most), -1, np.int64), np.zeros((count, most), np.bool_)
    votes = np.zeros((pictures, 2))  # as it is and mirrored, beside each other in memory
    touched = np.empty(pictures, np.int32)
    best = np.empty(most)
    for row in range(count):
        reached = 0
        for way in range(2):
            patterns = plain if way == 0 else mirror
            starts = plain_starts if way == 0 else mirror_starts
            for k in range(starts[row], starts[row + 1]):
                own = weight[patterns[k]]
                for m in range(member_starts[patterns[k]], member_starts[patterns[k] + 1]):
                    other = members[m]
                    if votes[other, 0] == 0 and votes[other, 1] == 0:
                        touched[reached] = other
                        reached += 1
                    votes[other, way] += own
        filled = 0
        for k in range(reached):
            other = touched[k]
            value = max(votes[other, 0], votes[other, 1])
            at = filled
            while at > 0 and (
                best[at - 1] < value or (best[at - 1] == value and found[row, at - 1] > other)
            ):
                at -= 1
            if at < most:
                filled = min(filled + 1, most)
                for later in range(filled - 1, at, -1):
                    best[later], found[row, later] = best[later - 1], found[row, later - 1]
                best[at], found[row, at] = value, other
        for k in range(filled):
            other = found[row, k]
            turned[row, k] = votes[other, 1] > votes[other, 0]
        for k in range(reached):
            votes[touched[k]] = 0.0
    return found, turned


@compiled
def close_signs(
    own: NDArray[np.uint64], known: NDArray[np.uint64], most: int, later: bool
) -> tuple[Positions, Positions]:
    """Pairs of which at most so many bits differ; 0 has no bits that say anything.

    Args:
        own: (n,) bits of new pictures.
        known: (m,) bits of old ones.
        most: bits that may differ.
        later: both are the same pictures: only pairs with a later one count.

    Returns:
        Positions of the new and of the old picture of each pair.
    """
    pairs = np.empty((2, 1024), np.int64)
    size = 0
    for row in range(own.size):
        if own[row] == 0:
            continue
        for start in range(row + 1 if later else 0, known.size, TOGETHER):
            stop = min(start + TOGETHER, known.size)
            near = np.uint64(0)  # no branch: many are looked at with one instruction
            for other in range(start, stop):
                near |= _set_bits(own[row] ^ known[other]) - np.uint64(most + 1)
            if near >> np.uint64(63) == 0:  # no difference fell below 0
                continue
            for other in range(start, stop):
                if known[other] != 0 and _set_bits(own[row] ^ known[other]) <= np.uint64(most):
                    if size == pairs.shape[1]:
                        pairs = np.concatenate((pairs, np.empty_like(pairs)), axis=1)
                    pairs[0, size], pairs[1, size] = row, other
                    size += 1
    return pairs[0, :size], pairs[1, :size]


@compiled
def _set_bits(bits: np.uint64) -> np.uint64:
    """How many bits are set: in pairs, in fours, in bytes, and so on."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    fours = np.uint64(0x3333333333333333)
    bits = (bits & fours) + ((bits >> np.uint64(2)) & fours)
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    bits = bits + (bits >> np.uint64(8))
    bits = bits + (bits >> np.uint64(16))
    return (bits + (bits >> np.uint64(32))) & np.uint64(0x7F)
