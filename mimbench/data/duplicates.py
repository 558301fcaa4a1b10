"""What becomes of near-duplicates: one patient within a category, left out across categories."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.data.identical_files import joined
from mimbench.data.splits import PARTS
from mimbench.errors import DataError
from mimbench.scores.tables import UNLABELLED
from mimbench.text import counted

__all__ = [
    "Duplicate",
    "Outcome",
    "Resolution",
    "check_categories_stay",
    "gravest_first",
    "keep_parts_together",
    "resolve",
    "summary",
]

# Of two pictures: their patients were one already; they now count as one; both are left out, as
# nothing says which category is right; what is external is left out, as the run has the photograph,
# whatever it is called there: external images never change what is trained and tested.
Outcome = Literal["same patient", "one patient", "label in doubt", "external copy"]

_GRAVEST: tuple[Outcome, ...] = (
    "label in doubt",
    "external copy",
    "one patient",
    "same patient",
)


@dataclass(frozen=True)
class Duplicate:
    """Two pictures that show the same photograph.

    Attributes:
        paths: of both.
        names: path of each, and in brackets its category and role.
        patients: of both, as the data give them.
        images: image_id of both.
        similarity: 0.85 to 1, see `near_duplicates_between`; NaN where a picture is not at hand.
        matches: keypoints in the same places.
        outcome: what a run makes of them.
        left_out: whether each is left out of a run.
    """

    paths: tuple[str, str]
    names: tuple[str, str]
    patients: tuple[str, str]
    images: tuple[str, str]
    similarity: float
    matches: int
    outcome: Outcome
    left_out: tuple[bool, bool]


@dataclass(frozen=True)
class Resolution:
    """What near-duplicates mean for the rows of a table.

    Attributes:
        duplicates: all pairs.
        patients: of each row, with those joined who share a photograph.
        left_out: bool, rows that a run does without.
        others: for the rows left out, in their order, a picture of another category or role that
            shows the same photograph.
    """

    duplicates: tuple[Duplicate, ...]
    patients: pd.Series
    left_out: npt.NDArray[np.bool_]
    others: tuple[str, ...]


def resolve(table: pd.DataFrame, pairs: pd.DataFrame) -> Resolution:
    """Decide what becomes of near-duplicates; pictures linked by pairs share one fate.

    External images that show a photograph of the run go first. What else is linked is linked
    without them: they change nothing about the run's own images.

    Args:
        table: images with `image_id`, `path`, `category`, `role` and `patient`.
        pairs: of `near_duplicates`.
    """
    rows = table.drop_duplicates("image_id").set_index("image_id")
    links = [(str(a), str(b)) for a, b in zip(pairs["first"], pairs["second"], strict=True)]
    foreign = set(rows.index[rows["role"] == "external"])
    copies: set[str] = set()
    for images in _groups(links):
        copies |= foreign.intersection(images) if not foreign.issuperset(images) else set()
    settled = _groups([link for link in links if not copies.intersection(link)])
    doubtful: set[str] = set()
    for images in settled:
        group = rows.loc[images]
        labelled = group[group["category"] != UNLABELLED]
        if len(labelled[["category", "role"]].drop_duplicates()) > 1:
            doubtful |= set(labelled.index)
    gone = doubtful | copies
    kept = [
        [str(rows.at[image, "patient"]) for image in images if image not in gone]
        for images in settled
    ]
    root = joined(table["patient"], kept)
    left_out = table["image_id"].isin(list(gone)).to_numpy()
    partners = _partners(links)
    others = [_other(rows, image, partners[image]) for image in table.loc[left_out, "image_id"]]
    duplicates = [
        _duplicate(rows, link, similarity, matches, doubtful, copies)
        for link, similarity, matches in zip(
            links, pairs["similarity"], pairs["matches"], strict=True
        )
    ]
    patients = table["patient"].map(root).astype("str")
    return Resolution(tuple(duplicates), patients, left_out, tuple(others))


def _groups(links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Images that are linked, directly or through others."""
    members: dict[str, list[str]] = {}
    for image, first in joined([image for link in links for image in link], links).items():
        members.setdefault(first, []).append(image)
    return list(members.values())


def _duplicate(
    rows: pd.DataFrame,
    link: tuple[str, str],
    similarity: float,
    matches: int,
    doubtful: Collection[str],
    copies: Collection[str],
) -> Duplicate:
    first, second = (str(rows.at[image, "patient"]) for image in link)
    gone = {*doubtful, *copies}
    outcome: Outcome = "same patient" if first == second else "one patient"
    if any(image in copies for image in link):
        outcome = "external copy"
    elif any(image in doubtful for image in link):
        outcome = "label in doubt"
    return Duplicate(
        paths=(str(rows.at[link[0], "path"]), str(rows.at[link[1], "path"])),
        names=(_name(rows, link[0]), _name(rows, link[1])),
        patients=(first, second),
        images=link,
        similarity=float(similarity),
        matches=int(matches),
        outcome=outcome,
        left_out=(link[0] in gone, link[1] in gone),
    )


def _partners(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for first, second in links:
        found.setdefault(first, []).append(second)
        found.setdefault(second, []).append(first)
    return found


def _other(rows: pd.DataFrame, image: str, partners: Sequence[str]) -> str:
    """Names a partner of another category or role if there is one."""
    kind = tuple(rows.loc[image, ["category", "role"]])
    others = [p for p in partners if tuple(rows.loc[p, ["category", "role"]]) != kind]
    return _name(rows, (others or list(partners))[0])


def _name(rows: pd.DataFrame, image: str) -> str:
    row = rows.loc[image]
    kind = ", ".join(str(name) for name in (row["category"], row["role"]) if name)
    return f"{row['path'] or image[:12]} ({kind})"


def summary(duplicates: Sequence[Duplicate]) -> str:
    """How many pairs there are, what becomes of them, and one of the gravest."""
    counts = Counter(pair.outcome for pair in duplicates)
    across = counts["label in doubt"] + counts["external copy"]
    left = {i for d in duplicates for i, out in zip(d.images, d.left_out, strict=True) if out}
    parts = (
        (across, f"across categories or roles, {counted(len(left), 'image', 'is')} left out"),
        (counts["one patient"], "of different patients, who count as one"),
        (counts["same patient"], "of one patient"),
    )
    said = "; ".join(f"{counted(n, 'pair')} {what}" for n, what in parts if n)
    example = " and ".join(gravest_first(duplicates)[0].names)
    return f"{said}. For example {example} show the same photograph."


def gravest_first(duplicates: Sequence[Duplicate]) -> list[Duplicate]:
    """Those that a reader should look at come first."""
    return sorted(duplicates, key=lambda pair: _GRAVEST.index(pair.outcome))


def keep_parts_together(
    before: pd.DataFrame, after: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Move patients that were joined into one part of each split that came with the data.

    What any of them tests, all of them test; the training part is never given a tested photograph.

    Args:
        before: images with the patients as the data give them.
        after: the same rows, with those joined that share a photograph.

    Returns:
        `after` with changed columns `given_<k>`, and a sentence about each change.
    """
    joined_rows = before["patient"].ne(after["patient"])
    changed = after["patient"].isin(after.loc[joined_rows, "patient"])
    notes = []
    result = after.copy()
    for column in (str(name) for name in after if str(name).startswith("given_")):
        own = after.loc[changed & after[column].isin(PARTS)]
        last = {part: place for place, part in enumerate(PARTS)}  # train, validation, test
        highest = own[column].map(last).groupby(own["patient"]).transform("max")
        moved = highest != own[column].map(last)
        result.loc[own.index, column] = highest.map(dict(enumerate(PARTS)))
        if moved.any():
            example = own.loc[moved, "path"].iloc[0]
            notes.append(
                f"{column}: {counted(moved.sum(), 'image')} moved to the part of their "
                f"near-duplicates, e.g. {example}."
            )
    return result, tuple(notes)


def check_categories_stay(table: pd.DataFrame, left_out: npt.NDArray[np.bool_]) -> None:
    """Refuse to go on without a category.

    Raises:
        DataError: all images of a category are left out that is not external.
    """
    inside = (table["role"] != "external").to_numpy()
    lost = set(table.loc[inside, "category"]) - set(table.loc[inside & ~left_out, "category"])
    if lost:
        category = min(lost)
        raise DataError(
            f"All images of category '{category}' are near-duplicates of images of another "
            "category or role, and a run leaves such images out. See `mimbench data check`, and "
            "give the photographs one category."
        )
