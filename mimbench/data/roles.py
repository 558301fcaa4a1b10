"""Which role each category plays: one category has one role, or the user hears why not."""

from collections.abc import Sequence

import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.errors import DataError, UnknownNameError

__all__ = ["assign_roles", "choose_target"]


def choose_target(categories: Sequence[str], wanted: str | None, defaults: Sequence[str]) -> str:
    """The target among `categories`: the one wanted, else the first default that is there.

    Raises:
        UnknownNameError: `wanted` is none of the categories.
        DataError: nothing wanted and no default there.
    """
    if wanted is not None:
        return _known_name(wanted, categories, "category for --target")
    for name in defaults:
        if name in categories:
            return name
    raise DataError(
        f"The data have no category '{defaults[0]}'; say which one is the target: "
        f"{', '.join(sorted(categories))}."
    )


def assign_roles(
    table: pd.DataFrame,
    target: str,
    known: Sequence[str] | None,
    unknown_categories: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `table` with the column `role` instead of `group`, and the rows without a role.

    External images may show the target or any other category: the same diseases at another site
    are what they are for. Every other category has one role.

    Args:
        table: `category`, `dataset` and `group`: "data", "unknown", "abnormal" or "external".
        target: a category of the group "data".
        known: categories of "data" that classifiers may train on; None: all but the target and
            `unknown_categories`. Categories of "data" that are neither get no role.
        unknown_categories: categories of "data" that nothing may train on.

    Raises:
        UnknownNameError: a name that is no category of "data".
        DataError: a category with two roles.
    """
    offered = sorted(set(table.loc[table["group"] == "data", "category"]))
    unknown = {_known_name(name, offered) for name in unknown_categories}
    if target in unknown:
        raise DataError(f"'{target}' is the target and cannot be an unknown category too.")
    if known is None:
        chosen = set(offered) - unknown - {target}
    else:
        chosen = {_known_name(name, offered) for name in known}
    _check_known(chosen, target, unknown)
    roles = {target: "target"}
    roles |= dict.fromkeys(chosen, "known") | dict.fromkeys(unknown, "unknown")
    from_data = table["group"] == "data"
    role = table["group"].where(~from_data, table["category"].map(roles))
    result = table.drop(columns="group").assign(role=role)
    chosen_rows = role.notna()
    _check_one_role(result[chosen_rows])
    return result[chosen_rows].reset_index(drop=True), result[~chosen_rows]


def _known_name(name: str, categories: Sequence[str], kind: str = "category") -> str:
    canonical = canonical_category(name)
    if canonical not in categories:
        raise UnknownNameError(kind, name, categories)  # in the user's words
    return canonical


def _check_known(known: set[str], target: str, unknown: set[str]) -> None:
    if target in known:
        raise DataError(f"'{target}' is the target and cannot be a known category too.")
    if known & unknown:
        raise DataError(
            f"'{min(known & unknown)}' is named as a known and as an unknown category; a category "
            "has one role."
        )


def _check_one_role(table: pd.DataFrame) -> None:
    inside = table[table["role"] != "external"]
    pairs = inside[["category", "role", "dataset"]].drop_duplicates(["category", "role"])
    doubled = pairs[pairs["category"].duplicated(keep=False)]
    if len(doubled):
        category = min(doubled["category"])
        places = doubled[doubled["category"] == category]
        where = " and ".join(f"{row.role} (in {row.dataset})" for row in places.itertuples())
        raise DataError(
            f"Category '{category}' is {where}; a category has one role. Leave it out of one of "
            "them or rename its folder."
        )
