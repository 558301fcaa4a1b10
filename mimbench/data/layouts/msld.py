"""The Monkeypox Skin Lesion Datasets, read by file names at any depth.

File names say the patient and the original of an augmented copy; the folds repeat images that
also lie elsewhere. Each original is read once, and a copy only where its original is missing:
detectors augment for themselves, and a copy of a training image must never be tested.

Source: Ali et al. 2022, arXiv:2207.03342 (v1); Ali et al. 2024, arXiv:2306.14169 (v2.0); the
folder trees are those of the published archives.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mimbench.csv_files.reading import read_delimited
from mimbench.data.categories import MPOX, canonical_category
from mimbench.data.layouts.folders import category_names
from mimbench.data.manifest import MANIFEST_COLUMNS, PART_NAMES, Manifest, given_column
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import NO_IMAGE, LeftOut, Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError
from mimbench.text import counted

__all__ = ["V1", "V2"]

_LABELS = ("imageid", "label")  # columns of the CSV file of v1, in small letters


@dataclass(frozen=True)
class _Photo:
    path: Path
    category: str
    patient: str
    original: str  # stem that names the original; the file's own unless it is a copy
    copy: bool
    fold: int | None
    part: str | None


@dataclass(frozen=True)
class _Msld:
    """One release: how its files are named.

    Attributes:
        name: of the layout.
        stem: groups `patient`, `image` and, for augmented copies, `copy`.
        categories: what its folders hold.
    """

    name: str
    stem: re.Pattern[str]
    categories: frozenset[str]

    def recognises(self, listing: Listing, about: DataSet) -> bool:
        """Whether all folders hold known categories and most files follow the naming."""
        named = sum(self.stem.fullmatch(path.stem) is not None for path in listing.images)
        folders = {canonical_category(path.parent.name) for path in listing.images}
        return 2 * named > len(listing.images) and folders <= self.categories

    def read(self, listing: Listing, about: DataSet) -> Manifest:
        """Read each original once, with its patient and the parts that the folds give it."""
        photos = [self._photo(path, listing.root) for path in listing.images]
        kept = _one_per_original(photos)
        rows = [(shown(p.path), p.category, p.patient, "") for p in kept]
        table = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
        if any(p.copy for p in kept):
            table["augmented_from"] = [p.original if p.copy else "" for p in kept]
        for fold, parts in sorted(_given_parts(photos).items()):
            table[given_column(fold)] = [parts.get((p.category, p.original), "") for p in kept]
        notes = (*_count_notes(photos, kept), *_label_notes(listing, kept))
        names = tuple(category_names(listing).values())
        return Manifest(table, self.name, names, notes, left_out=_left_out(photos, kept))

    def _photo(self, path: Path, root: Path) -> _Photo:
        match = self.stem.fullmatch(path.stem)
        above = [part.casefold() for part in path.relative_to(root).parts[:-1]]
        folds = [int(m[1]) for part in above if (m := re.fullmatch(r"fold(\d+)(_aug)?", part))]
        parts = [PART_NAMES[part] for part in above if part in PART_NAMES]
        in_copies = any(re.search(r"augmented|_aug$", part) for part in above)
        return _Photo(
            path=path,
            category=canonical_category(path.parent.name),
            patient=match["patient"].upper() if match else "",
            original=f"{match['patient']}_{match['image']}".upper() if match else path.stem,
            copy=match is not None and (in_copies or match["copy"] is not None),
            fold=folds[0] if folds else None,
            part=parts[0] if parts else None,
        )


def _one_per_original(photos: list[_Photo]) -> list[_Photo]:
    """Each original once, outside the folds if it lies there; copies only of missing originals."""
    originals: dict[tuple[str, str], _Photo] = {}
    for photo in sorted(photos, key=lambda p: (p.fold or 0, p.path)):
        if not photo.copy:
            originals.setdefault((photo.category, photo.original), photo)
    orphans: dict[tuple[str, str], _Photo] = {}
    for photo in photos:
        if photo.copy and (photo.category, photo.original) not in originals:
            orphans.setdefault((photo.category, photo.path.stem.upper()), photo)
    return sorted([*originals.values(), *orphans.values()], key=lambda p: p.path)


def _given_parts(photos: list[_Photo]) -> dict[int, dict[tuple[str, str], str]]:
    """Fold -> original -> part; an original in two parts of a fold gets both names, joined."""
    seen: dict[int, dict[tuple[str, str], set[str]]] = {}
    for photo in photos:
        if photo.fold is not None and photo.part is not None:
            parts = seen.setdefault(photo.fold, {})
            parts.setdefault((photo.category, photo.original), set()).add(photo.part)
    return {
        fold: {key: " and ".join(sorted(names)) for key, names in parts.items()}
        for fold, parts in seen.items()
    }


def _count_notes(photos: list[_Photo], kept: list[_Photo]) -> list[str]:
    copies, orphans = sum(p.copy for p in photos), sum(p.copy for p in kept)
    counts = {
        "augmented copies left out, because their originals are read": copies - orphans,
        "augmented copies read, because their originals are missing": orphans,
        "repeats of originals left out": len(photos) - copies - (len(kept) - orphans),
        "files named otherwise, each counting as its own patient": sum(not p.patient for p in kept),
    }
    return [f"{what}: {count}." for what, count in counts.items() if count]


def _left_out(photos: list[_Photo], kept: list[_Photo]) -> tuple[LeftOut, ...]:
    read = {photo.path for photo in kept}
    originals = {(photo.category, photo.original): photo.path for photo in kept}
    return tuple(
        LeftOut(
            shown(photo.path),
            "augmented copy" if photo.copy else "repeat of an original",
            f"of {shown(originals.get((photo.category, photo.original), photo.original))}",
        )
        for photo in photos
        if photo.path not in read
    )


def _label_notes(listing: Listing, kept: list[_Photo]) -> list[str]:
    """The CSV of v1 only says again what the folders say; a contradiction is worth a word."""
    notes = []
    others = (on_disk(entry.path) for entry in listing.left_out if entry.kind == NO_IMAGE)
    for csv in (path for path in others if path.suffix.lower() == ".csv"):
        labels = _labels(csv)
        wrong = sorted(
            p.original
            for p in kept
            if p.original in labels and (labels[p.original] == MPOX) != (p.category == MPOX)
        )
        if wrong:
            notes.append(
                f"{shown(csv.name)} contradicts the folders of {counted(len(wrong), 'image')}, "
                f"e.g. {wrong[0]}; the folders are used."
            )
    return notes


def _labels(csv: Path) -> dict[str, str]:
    """Category by original; none where the file is another table."""
    try:
        cells = read_delimited(csv, _LABELS, DataError).cells
    except DataError:
        return {}
    if not set(_LABELS) <= set(cells.columns):
        return {}
    stems = (Path(name).stem.upper() for name in cells["imageid"])
    return dict(zip(stems, map(canonical_category, cells["label"]), strict=True))


V1 = _Msld(
    "msld",
    re.compile(r"(?P<patient>N?M\d+)_(?P<image>\d+)(?:_(?P<copy>\w+))?", re.IGNORECASE),
    frozenset({MPOX, "others"}),
)
V2 = _Msld(
    "msld-v2",
    re.compile(
        r"(?P<patient>(?:MKP|CHP|CWP|MSL|HFMD|HEALTHY)_\d+)_(?P<image>\d+)(?:_(?P<copy>\w+))?",
        re.IGNORECASE,
    ),
    frozenset({MPOX, "chickenpox", "cowpox", "healthy", "hfmd", "measles"}),
)
