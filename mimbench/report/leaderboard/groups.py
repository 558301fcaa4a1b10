"""Groups of categories that a number is a mean over: a role within one relation of sources."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from mimbench.scores.schema import OTHERS

__all__ = ["Group", "groups_of", "in_order", "primary_group"]

RELATIONS = ("same-source", "other-source")


@dataclass(frozen=True)
class Group:
    """Categories of one role and one relation to the target's source; these are never pooled."""

    role: str
    relation: str

    @property
    def external(self) -> bool:
        """Whether these are another site's images, compared with that site's target images."""
        return self.role == "external"

    @property
    def slug(self) -> str:
        """Name for files and columns, e.g. "known_same-source"."""
        return f"{self.role}_{self.relation}"

    @property
    def label(self) -> str:
        """Name for people, e.g. "known, same source"."""
        relation = self.relation.replace("-", " ")
        return f"{self.role}, {relation}" if self.role != "ood" else f"all OOD, {relation}"


def groups_of(metrics: pd.DataFrame, question: str = "detection") -> tuple[Group, ...]:
    """Groups that the metrics table has, in order."""
    chosen = metrics.loc[metrics["question"] == question, ["role", "relation"]].drop_duplicates()
    groups = [Group(str(role), str(relation)) for role, relation in chosen.to_numpy()]
    return in_order(groups)


def in_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Groups as every table and figure has them: by role, same source first."""
    return tuple(sorted(groups, key=_order))


def primary_group(groups: Iterable[Group]) -> Group | None:
    """The group that sorts the leaderboard: the first one."""
    return next(iter(in_order(groups)), None)


def _order(group: Group) -> tuple[int, int, str]:
    role = OTHERS.index(group.role) if group.role in OTHERS else len(OTHERS)
    relation = RELATIONS.index(group.relation) if group.relation in RELATIONS else len(RELATIONS)
    return role, relation, group.relation
