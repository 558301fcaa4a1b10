"""Groups of images stand in one order, wherever they are shown."""

from types import SimpleNamespace
from typing import cast

import pandas as pd

from mimbench.report.comparison import RunComparison
from mimbench.report.comparison.wording import groups
from mimbench.report.leaderboard.groups import Group, groups_of, in_order, primary_group

ORDER = (
    Group("unknown", "same-source"),
    Group("unknown", "other-source"),
    Group("known", "same-source"),
    Group("external", "same-source"),
    Group("abnormal", "other-source"),
    Group("ood", "same-source"),
)


def test_the_group_that_sorts_is_first_and_the_rest_follow_by_role() -> None:
    assert in_order(reversed(ORDER)) == ORDER
    assert primary_group(reversed(ORDER)) == ORDER[0]
    assert primary_group(ORDER[3:][::-1]) == ORDER[3]
    assert primary_group(()) is None


def test_leaderboard_and_comparison_have_the_same_order() -> None:
    pairs = [(own.role, own.relation) for own in sorted(ORDER, key=lambda own: own.role)]
    table = pd.DataFrame(pairs, columns=["role", "relation"])
    assert groups_of(table.assign(question="detection")) == ORDER
    made = SimpleNamespace(lines=table.assign(models="trained anew"))
    assert groups(cast(RunComparison, made)) == ORDER
