"""Patients that stand in the names of files, such as M01 in M01_02.jpg."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mimbench.data.manifest import Manifest
from mimbench.data.reading.file_names import shown
from mimbench.errors import DataError
from mimbench.text import counted

__all__ = ["NO_PATIENTS", "begin_alike", "patient_pattern", "patients_in_names"]

NO_PATIENTS = "no patients are known, so each image counts as its own patient."
NUMBERED = re.compile(r"(.*[^\W_])([ _.-]+)\d{1,3}")  # a name and the number of a photo
FEWEST_GROUPS = 5  # with fewer the name is rather that of a category or a camera
ALIKE = "begin as another one does"  # in the warning


def patient_pattern(text: str | None) -> re.Pattern[str] | None:
    """The regular expression of `--patients`; None where there is none.

    Raises:
        DataError: it is not one, or does not have one group.
    """
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise DataError(f"--patients '{text}' is no regular expression: {error}.") from error
    if pattern.groups != 1:
        raise DataError(
            f"--patients '{text}' must have the patient in one pair of brackets, as in "
            "'(.+)_[0-9]+', which finds M01 in M01_02.jpg."
        )
    return pattern


def patients_in_names(manifest: Manifest, pattern: re.Pattern[str]) -> Manifest:
    """A manifest whose images without a patient have the one that stands in their names.

    A name that the pattern does not fit as a whole, without suffix, keeps no patient.

    Raises:
        DataError: it fits none.
    """
    table = manifest.table
    asked = table["patient"] == ""
    if not asked.any():
        return manifest
    fits = [pattern.fullmatch(Path(path).stem) for path in table["path"]]
    found = [(match and match[1]) or "" for match in fits]
    named = table["patient"].where(~asked, found)
    count = int((asked & (named != "")).sum())
    if not count:
        example = shown(Path(Path(table.loc[asked, "path"].iloc[0]).name))
        raise DataError(f"--patients '{pattern.pattern}' fits no name, such as {example}.")
    left = int((named == "").sum())
    note = f"{counted(named[asked & (named != '')].nunique(), 'patient')} from the names of files"
    rest = f"; {counted(left, 'name')} not fitted, each its own patient" if left else ""
    notes = tuple(own for own in manifest.notes if not _about_patients(own))
    return replace(manifest, table=table.assign(patient=named), notes=(f"{note}{rest}.", *notes))


def begin_alike(images: Iterable[Path]) -> list[str]:
    """A warning if names seem to number the photos of each patient, as M01_01, M01_02, M02_01."""
    groups: dict[str, list[str]] = {}
    signs: dict[str, int] = {}
    paths = list(images)
    for path in paths:
        if numbered := NUMBERED.fullmatch(path.stem):
            groups.setdefault(numbered[1], []).append(path.name)
            signs[numbered[2]] = signs.get(numbered[2], 0) + 1
    several = [files for files in groups.values() if len(files) > 1]
    alike = sum(map(len, several))
    if len(groups) < FEWEST_GROUPS or 2 * alike < len(paths) or not several:
        return []
    first, second = (shown(Path(name)) for name in several[0][:2])
    sign = max(signs, key=lambda own: signs[own])
    return [
        f"{alike} of {counted(len(paths), 'name')} {ALIKE}, such as {first} and {second}. If these "
        f"show one patient, add --patients '(.+){re.escape(sign)}[0-9]+', or else a patient can "
        "stand on both sides of a split."
    ]


def _about_patients(note: str) -> bool:
    return note == NO_PATIENTS or ALIKE in note
