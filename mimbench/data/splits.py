"""Train, validation and test by patient, stratified by category.

A draw is a hash of the plan's seed and the patient's name, so it depends neither on the order of
rows nor on a random number generator's version.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.data.manifest import given_column
from mimbench.errors import SplitError
from mimbench.scores.splits import split_column
from mimbench.text import counted

__all__ = ["PARTS", "split"]

PARTS = ("train", "validation", "test")

_TRAINABLE = ("target", "known")


def split(
    table: pd.DataFrame,
    folds: int,
    plan_seed: int,
    validation: float = 0.2,
    test: float = 1 / 3,
    given_fold: int | None = None,
) -> pd.DataFrame:
    """Return `table` with the columns `split_0` ... `split_<folds - 1>`.

    Target and known categories are split: with one fold `test` of the images are tested, with
    more every image is tested in exactly one fold. `validation` is the share of what is not
    tested. Each category has its share in each part, as near as whole patients allow. Images of
    all other roles are "test" in every fold.

    With one fold, a split that came with the data (CSV column `split`, MSLD's `Fold1`) is used if
    it is the only one; where it has no validation part, one is drawn from its training part.

    Args:
        table: images with `category`, `role`, `patient`.
        folds: at least 1.
        plan_seed: of the draw.
        validation: share in (0, 1).
        test: share in (0, 1), for one fold.
        given_fold: use the split `given_<given_fold>` of the data; needs `folds` = 1.

    Raises:
        SplitError: too few patients in a category, a patient in roles that must not meet, or a
            given split that is missing, incomplete, or leaks.
    """
    _check(table, folds, validation, test)
    inside = table["role"].isin(_TRAINABLE).to_numpy()
    used = table[inside]
    patients = _patients(used)
    given = _given_column(used, folds, given_fold)
    if given is not None:
        parts = [_given_parts(used, given, patients, validation, plan_seed)]
    else:
        _check_enough(patients, folds)
        parts = _drawn_parts(patients, folds, plan_seed, validation, test)
    result = table.copy()
    for fold, part in enumerate(parts):
        column = np.full(len(table), "test", dtype=object)
        column[inside] = part[patients.of_row]
        result[split_column(fold)] = pd.Series(column, index=table.index, dtype="str")
    return result


@dataclass(frozen=True)
class _Patients:
    """Patients sorted by name.

    Attributes:
        names: (P,).
        categories: (C,), sorted.
        images: int (P, C), images of each patient in each category.
        of_row: int (N,), position of each row's patient.
    """

    names: tuple[str, ...]
    categories: tuple[str, ...]
    images: npt.NDArray[np.int64]
    of_row: npt.NDArray[np.int64]


def _patients(used: pd.DataFrame) -> _Patients:
    names, of_row = np.unique(used["patient"].to_numpy(dtype=object), return_inverse=True)
    categories, column = np.unique(used["category"].to_numpy(dtype=object), return_inverse=True)
    images = np.zeros((len(names), len(categories)), dtype=np.int64)
    np.add.at(images, (of_row, column), 1)
    return _Patients(tuple(names), tuple(categories), images, of_row)


def _check(table: pd.DataFrame, folds: int, validation: float, test: float) -> None:
    if folds < 1:
        raise SplitError(f"{folds} folds; at least 1 is needed.")
    for name, share in (("validation", validation), ("test", test)):
        if not 0 < share < 1:
            raise SplitError(f"The {name} share is {share}; it must lie between 0 and 1.")
    inside = table["role"].isin(_TRAINABLE)
    both = set(table.loc[inside, "patient"]) & set(table.loc[~inside, "patient"])
    if both:
        rows = table[table["patient"] == min(both)]
        found = " and ".join(sorted({f"{r.category} ({r.role})" for r in rows.itertuples()}))
        raise SplitError(
            f"Patient '{min(both)}' has images in {found}: a fit would see a patient of images "
            "that nothing may train on. Give these categories one role or leave the patient out."
        )


def _check_enough(patients: _Patients, folds: int) -> None:
    # Each fold has one patient to test, one to train on and one to validate on; with three folds
    # or more the other folds hold the last two.
    least = {1: 3, 2: 4}.get(folds, folds)
    counts: list[int] = (patients.images > 0).sum(axis=0).tolist()
    for category, count in zip(patients.categories, counts, strict=True):
        if count < least:
            raise SplitError(
                f"Category '{category}' has {counted(count, 'patient')}; with "
                f"{counted(folds, 'fold')} at least {least} are needed. Use fewer folds, add "
                "images of other patients, or leave the category out of the known ones."
            )


def _drawn_parts(
    patients: _Patients, folds: int, seed: int, validation: float, test: float
) -> list[npt.NDArray[np.object_]]:
    everyone = np.arange(len(patients.names))
    if folds == 1:
        least = np.array([1, 2])
        tested = [_allocate(patients, everyone, np.array([test, 1 - test]), least, f"{seed}") == 0]
    else:
        # With two folds the other one must hold a patient to train on and one to validate on.
        least = np.full(folds, 2 if folds == 2 else 1)
        fold_of = _allocate(patients, everyone, np.full(folds, 1 / folds), least, f"{seed}")
        tested = [fold_of == fold for fold in range(folds)]
    parts = []
    for fold, in_test in enumerate(tested):
        part = np.where(in_test, "test", "train").astype(object)
        parts.append(_draw_validation(part, patients, validation, f"{seed}/{fold}"))
    return parts


def _draw_validation(
    part: npt.NDArray[np.object_], patients: _Patients, validation: float, key: str
) -> npt.NDArray[np.object_]:
    rest = np.flatnonzero(part == "train")
    shares = np.array([validation, 1 - validation])
    chosen = _allocate(patients, rest, shares, np.array([1, 1]), f"{key}/validation")
    part[rest[chosen == 0]] = "validation"
    return part


def _allocate(
    patients: _Patients,
    members: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    least: npt.NDArray[np.int64],
    key: str,
) -> npt.NDArray[np.int64]:
    """Deal `members` to parts so that each category fills each part by its share of images.

    Patients with many images are dealt first. Each goes to a part with room for all its images,
    drawn in proportion to the room, or else to the part that lacks most; when a category has just
    enough patients left for the parts that still need one, only these parts can be drawn.

    Args:
        patients: all patients.
        members: positions of those to deal.
        shares: (parts,), sum 1.
        least: (parts,), patients that each part needs of each category.
        key: of the draw.

    Returns:
        int (len(members),), the part of each.
    """
    images = patients.images[members]
    has = images > 0
    left = has.sum(axis=0)
    total = images.sum(axis=0)
    room = shares[:, None] * total
    need = np.repeat(least[:, None], len(total), axis=1)
    draws = np.array([_draw(key, patients.names[member]) for member in members])
    order = np.lexsort((draws, -images.sum(axis=1), -has.sum(axis=1)))
    part_of = np.zeros(len(members), dtype=np.int64)
    for row in order:
        own = has[row]
        short = (need[:, own] > 0) & (left[own] <= need[:, own].clip(min=0).sum(axis=0))
        open_parts = np.flatnonzero(short.sum(axis=1) == short.sum(axis=1).max())
        lack = (room[open_parts][:, own] / total[own]).sum(axis=1)
        fits = (room[open_parts][:, own] + 1e-9 >= images[row, own]).all(axis=1)
        part = int(open_parts[_pick(lack, fits, draws[row])])
        part_of[row] = part
        room[part] -= images[row]
        need[part] -= own
        left -= own
    if (need > 0).any():
        category = patients.categories[int(np.flatnonzero((need > 0).any(axis=0))[0])]
        raise SplitError(
            f"Category '{category}' has too few patients for a training, a validation and a test "
            "part, given that some of them have images of other categories too. Use fewer folds "
            "or add images of other patients."
        )
    return part_of


def _pick(lack: npt.NDArray[np.float64], fits: npt.NDArray[np.bool_], draw: float) -> int:
    """Position of the part: in proportion to `lack` among those that fit, else the neediest."""
    if not fits.any():
        return int(np.argmax(lack))
    weights = np.cumsum(np.where(fits, lack, 0.0))
    return int(np.searchsorted(weights, draw * weights[-1], side="right"))


def _draw(key: str, name: str) -> float:
    """A number in [0, 1) that only `key` and `name` decide."""
    digest = hashlib.sha256(f"{key}/{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _given_column(used: pd.DataFrame, folds: int, given_fold: int | None) -> str | None:
    """The column of the split to use that came with the data, or None to draw one."""
    names = [str(name) for name in used if str(name).startswith("given_")]
    present = [name for name in names if (used[name] != "").any()]
    if given_fold is None:
        complete = len(present) == 1 and bool((used[present[0]] != "").all())
        return present[0] if folds == 1 and complete else None
    if folds != 1:
        raise SplitError(f"A split of the data is one fold, not {folds}; use one fold with it.")
    if given_column(given_fold) not in present:
        numbers = ", ".join(sorted(name.removeprefix("given_") for name in present))
        raise SplitError(f"The data have no split {given_fold}; they have {numbers or 'none'}.")
    return given_column(given_fold)


def _given_parts(
    used: pd.DataFrame, column: str, patients: _Patients, validation: float, seed: int
) -> npt.NDArray[np.object_]:
    values = used[column].to_numpy(dtype=object)
    wrong = np.flatnonzero(~np.isin(values, PARTS))
    if wrong.size:
        row = used.iloc[int(wrong[0])]
        raise SplitError(
            f"The split of the data puts {row['path']} into '{values[wrong[0]]}'; expected one of "
            f"{', '.join(PARTS)}."
        )
    of_patient = pd.Series(values).groupby(patients.of_row)
    torn = np.flatnonzero(of_patient.nunique().to_numpy() > 1)
    if torn.size:
        raise SplitError(
            f"The split of the data puts patient '{patients.names[torn[0]]}' into two parts; use "
            "two or more folds, which are drawn by patient."
        )
    part = of_patient.first().to_numpy(dtype=object)
    needed = {"train": 2, "test": 1}
    if (part == "validation").any():
        needed = {"train": 1, "validation": 1, "test": 1}
    for name, least in needed.items():
        counts = (patients.images[part == name] > 0).sum(axis=0)
        if (counts < least).any():
            category = patients.categories[int(np.argmax(counts < least))]
            raise SplitError(
                f"The split of the data has {counted(counts.min(), 'patient')} of category "
                f"'{category}' in its {name} part; at least {least} needed."
            )
    if "validation" not in needed:
        part = _draw_validation(part, patients, validation, f"{seed}/0")
    return part
