"""Random draws that depend on (key, corruption, severity) and on nothing else.

A counter-based generator has no state to carry: word number i of a stream is a function of
(key, stream, i), so draws are the same for any batch, order, thread, process or machine.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox-4x32-10).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Keys

__all__ = ["Draws", "below", "normal", "stream", "uniform"]

Words = NDArray[np.uint32]

# Counters are taken in groups of 64, the four words of a counter 64 apart: loops over lanes
# become vector instructions (4 times as fast).
LANES = 64


def stream(corruption: str, severity: int) -> int:
    """Number of the stream of a condition, 0..2**64-1."""
    digest = hashlib.sha256(f"{corruption}/{severity}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


@dataclass(frozen=True)
class Draws:
    """The draws of one condition for a batch.

    Attributes:
        keys: uint64 (N,), one per image.
        stream: number of the condition's stream.
    """

    keys: Keys
    stream: int

    def __getitem__(self, part: slice) -> "Draws":
        """The draws of a part of the batch."""
        return Draws(self.keys[part], self.stream)

    def words(self, image: int, count: int) -> Words:
        """The first `count` words of one image: uint32, uniform over 0..2**32-1."""
        groups = _groups(count)
        _philox(groups, self.keys[image], np.uint64(self.stream))
        return groups.reshape(-1)[:count]

    def each(self, count: int) -> Iterator[Words]:
        """The first `count` words of each image in turn, in a buffer that the next image reuses."""
        groups = _groups(count)
        for key in self.keys:
            _philox(groups, key, np.uint64(self.stream))
            yield groups.reshape(-1)[:count]


def _groups(count: int) -> Words:
    return np.empty((-(-count // (4 * LANES)), 4, LANES), np.uint32)


def uniform(words: Words, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Uniform on the open interval (0, 1), at the middles of 2**32 equal cells."""
    values = np.add(words, 0.5, out=out)
    values *= 2.0**-32
    return values


def below(words: Words, bound: int) -> NDArray[np.int64]:
    """Integers in 0..bound-1, each as likely as the others up to 2**-32."""
    return ((words.astype(np.uint64) * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)


def normal(words: Words) -> NDArray[np.float32]:
    """Standard normal, one per word, by the inverse of its distribution function.

    Source: Wichura 1988, algorithm AS 241 (PPND7: about 7 digits).
    """
    values = np.empty(words.size, np.float32)
    _normal(words.reshape(-1), values)
    return values.reshape(words.shape)


@compiled
def _philox(groups: Words, key: np.uint64, stream: np.uint64) -> None:
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for group in range(groups.shape[0]):
        for lane in range(LANES):
            counter = np.uint64(group * LANES + lane)
            c0, c1 = counter & low, counter >> half
            c2, c3 = stream & low, stream >> half
            k0, k1 = key & low, key >> half
            for _ in range(10):
                p0 = c0 * np.uint64(0xD2511F53)
                p1 = c2 * np.uint64(0xCD9E8D57)
                c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & low, (p0 >> half) ^ c3 ^ k1, p0 & low
                k0 = (k0 + np.uint64(0x9E3779B9)) & low
                k1 = (k1 + np.uint64(0xBB67AE85)) & low
            groups[group, 0, lane] = np.uint32(c0)
            groups[group, 1, lane] = np.uint32(c1)
            groups[group, 2, lane] = np.uint32(c2)
            groups[group, 3, lane] = np.uint32(c3)


@compiled
def _normal(words: Words, values: NDArray[np.float32]) -> None:
    for i in range(words.size):
        p = (np.float64(words[i]) + 0.5) * 2.0**-32
        q = p - 0.5
        if abs(q) <= 0.425:
            r = 0.180625 - q * q
            top = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
            bottom = ((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0
            values[i] = q * top / bottom
        else:
            r = np.sqrt(-np.log(min(p, 1.0 - p)))
            if r <= 5.0:
                r -= 1.6
                top = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777
                bottom = (0.12021132975 * r + 0.73700164250) * r + 1.0
            else:
                r -= 5.0
                top = ((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150
                bottom = (0.012258202635 * r + 0.24197894225) * r + 1.0
            values[i] = np.copysign(top / bottom, q)
