"""What is compared with what: rows, groups of images, and the questions asked of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Group", "Question", "Row"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """OOD images that share role, category and relation to the target's source."""

    role: str
    relation: str
    category: str
    images: NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """An ID side and the OOD groups that it is compared with."""

    name: str
    id_images: Mask
    groups: tuple[Group, ...]
    protocols: tuple[str, ...]

    @cached_property
    def means(self) -> tuple[Group, ...]:
        """All images of a role and relation, one entry per mean over categories."""
        return tuple(
            Group(role, relation, "", np.concatenate([self.groups[k].images for k in members]))
            for (role, relation), members in self._members.items()
        )

    @cached_property
    def names(self) -> list[str]:
        """Role, relation and category of each group, then of each mean."""
        return [
            f"{group.role} / {group.relation} / {group.category}"
            for group in self.groups + self.means
        ]

    @cached_property
    def mean_weights(self) -> NDArray[np.float64]:
        """(means, groups) weights of the categories in each mean: each category counts once."""
        weights = np.zeros((len(self._members), len(self.groups)))
        for row, members in zip(weights, self._members.values(), strict=True):
            row[members] = 1 / len(members)
        return weights

    @cached_property
    def _members(self) -> dict[tuple[str, str], list[int]]:
        keys = sorted({(group.role, group.relation) for group in self.groups})
        return {
            key: [k for k, g in enumerate(self.groups) if (g.role, g.relation) == key]
            for key in keys
        }


@dataclass(frozen=True)
class Row:
    """One score and the fits that made it.

    Attributes:
        score: name of the score; the detector's name if it never scored.
        detector: name of the recipe.
        fits: index, seed and fold of each fit (seed and fold -1 where the fit has none).
        reason: why the row has no numbers; empty if all its fits are ok.
        line: the score that a line through held-out images has taken out of this one; empty if it
            is not in the tables, None if there is no line.
    """

    score: str
    detector: str
    fits: tuple[tuple[int, int, int], ...]
    reason: str
    line: str | None = None
