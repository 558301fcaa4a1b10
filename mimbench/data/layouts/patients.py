"""Images of one patient or nearest group, as the columns of somebody else's table say it."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from mimbench.data.identical_files import joined
from mimbench.data.layouts.names import NO_PATIENTS
from mimbench.text import counted

__all__ = ["patients"]


def patients(
    columns: Mapping[str, "pd.Series[str]"], rows: Sequence[Sequence[int]]
) -> tuple[list[str], list[str]]:
    """The group of each image: images that share a value of any column are of one.

    Lesions that are numbered anew for each patient count within their patient.

    Args:
        columns: cells of the columns that name groups, the most reliable column first.
        rows: of each image the numbers of its rows.

    Returns:
        The name of each image's group, empty where nothing is known, and notes.
    """
    lists = [cells.tolist() for cells in columns.values()]
    again = [number for number in range(1, len(lists)) if _begins_anew(lists[0], lists[number])]
    for number in again:
        lists[number] = _within(lists[0], lists[number])
    keys = [
        [
            (number, cells[row])
            for number, cells in enumerate(lists)
            for row in of_image
            if cells[row] != ""
        ]
        for of_image in rows
    ]
    order = sorted({key for of_image in keys for key in of_image})
    short = {key: f"{place:09d}" for place, key in enumerate(order)}  # in order, for `joined`
    groups = joined(short.values(), [[short[key] for key in of_image] for of_image in keys])
    roots = [order[int(groups[short[of_image[0]]])] if of_image else None for of_image in keys]
    spelt: dict[str, set[tuple[int, str]]] = {}
    for root in filter(None, roots):
        spelt.setdefault(root[1], set()).add(root)
    names = list(columns)
    shown = [
        ""
        if root is None
        else root[1]
        if len(spelt[root[1]]) == 1
        else f"{names[root[0]]} {root[1]}"
        for root in roots
    ]
    notes = [
        f"values of {names[number]} begin anew for each {names[0]}, so each counts within its "
        f"{names[0]}."
        for number in again
    ]
    found = [order[int(groups[short[key]])] for key in order]
    return shown, [*notes, *_notes(names, keys, order, found)]


def _begins_anew(patients: Sequence[str], lesions: Sequence[str]) -> bool:
    """Whether lesions are numbered within each patient, as 1, 2, ... of everybody.

    Then most patients have a number that another patient has too. Where few have one, these are
    mistakes of the table, and the patients are joined.
    """
    pairs = {pair for pair in zip(patients, lesions, strict=True) if all(pair)}
    of_lesion = Counter(lesion for _, lesion in pairs)
    sharing = {patient for patient, lesion in pairs if of_lesion[lesion] > 1}
    return 2 * len(sharing) > len({patient for patient, _ in pairs})


def _within(patients: Sequence[str], lesions: Sequence[str]) -> list[str]:
    """Each lesion's number with its patient, as it is where either is not known."""
    return [
        f"{patient}/{lesion}" if patient and lesion else lesion
        for patient, lesion in zip(patients, lesions, strict=True)
    ]


def _notes(
    names: Sequence[str],
    keys: Sequence[Sequence[tuple[int, str]]],
    order: Sequence[tuple[int, str]],
    roots: Sequence[tuple[int, str]],
) -> list[str]:
    if not order:
        return [NO_PATIENTS]
    first = [of_image[0][0] for of_image in keys if of_image]
    said = [f"{name} {first.count(k)}" for k, name in enumerate(names) if k in first]
    if left := len(keys) - len(first):
        said.append(f"each image its own {left}")
    notes = [f"images counted as of one patient by column: {', '.join(said)}."]
    merged = [
        key for key, root in zip(order, roots, strict=True) if key[0] == root[0] and key != root
    ]
    if merged:
        into = {root for key, root in zip(order, roots, strict=True) if key in set(merged)}
        notes.append(
            f"names joined to one patient because they share an image or a value of another "
            f"column: {len(merged) + len(into)} into {counted(len(into), 'patient')}."
        )
    return notes
