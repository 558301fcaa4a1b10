"""Which known categories are withheld from further fits: the known-curve, and group by group.

The known-curve trains classifiers on the first 1, 2, 4, ... known categories of a random order, so
that each step adds categories and takes none away. One order would be luck, so there are several:
rotations of one random permutation, evenly apart, by which every category stands among the first
ones about equally often. Left-out groups are consecutive pieces of the same permutation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Withheld", "withheld_from"]


@dataclass(frozen=True)
class Withheld:
    """Known categories that a fit does not see.

    Attributes:
        categories: their names, sorted; never all known ones.
        studies: what they are withheld for: "known-curve <order>" and "left-out <group>".
    """

    categories: tuple[str, ...]
    studies: tuple[str, ...]


def withheld_from(
    known: Sequence[str], counts: Sequence[int], orders: int, groups: int, seed: int
) -> tuple[Withheld, ...]:
    """What is withheld from one classifier's further fits; equal sets are fitted once.

    Args:
        known: known categories, at least 2.
        counts: how many of them the fits of the known-curve see; as many as there are, or more,
            is the main fit.
        orders: random orders of the known-curve; at most one per category.
        groups: groups to leave out one by one; at most one per category, 0: none.
        seed: of the permutation.
    """
    names = sorted(known)
    drawn = [names[k] for k in np.random.default_rng(seed).permutation(len(names))]
    found: dict[tuple[str, ...], list[str]] = {}
    for order in range(min(orders, len(names))):
        start = order * len(names) // min(orders, len(names))
        rotated = drawn[start:] + drawn[:start]
        for count in sorted({count for count in counts if count < len(names)}):
            found.setdefault(tuple(sorted(rotated[count:])), []).append(f"known-curve {order}")
    if groups:
        pieces = np.array_split(np.arange(len(names)), min(groups, len(names)))
        for group, piece in enumerate(pieces):
            left_out = tuple(sorted(drawn[k] for k in piece))
            found.setdefault(left_out, []).append(f"left-out {group}")
    return tuple(Withheld(categories, tuple(studies)) for categories, studies in found.items())
