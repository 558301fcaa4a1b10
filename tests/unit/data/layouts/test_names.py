"""Patients in the names of files: pointed out, and read by a pattern that the user gives."""

from pathlib import Path

import pytest
from small_images import write_category

from mimbench.data.dataset import ImageOptions, load, survey
from mimbench.errors import DataError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two categories of five and three patients with two images each, as 03_1.png."""
    write_category(tmp_path / "photos" / "mpox", 90, 5, 1)
    write_category(tmp_path / "photos" / "acne", 150, 3, 2)
    for path in sorted((tmp_path / "photos" / "acne").glob("*.png")):
        path.rename(path.with_name(f"a{path.name}"))
    return tmp_path / "photos"


def test_the_note_names_the_flag_that_reads_the_patients(photos: Path) -> None:
    found = survey([str(photos)])
    (note,) = [note for note in found.notes if "--patients" in note]
    pattern = note.partition("--patients '")[2].partition("'")[0]
    assert found.table["patient"].nunique() == 16
    read = survey([str(photos)], patients=pattern)
    assert sorted(read.table["patient"].unique())[:2] == ["photos/00", "photos/01"]
    assert read.table["patient"].nunique() == 8
    assert not [note for note in read.notes if "no patients are known" in note]
    assert "photos: 8 patients from the names of files." in read.notes


def test_a_name_that_is_not_fitted_is_a_patient_of_its_own_and_counted(photos: Path) -> None:
    read = survey([str(photos)], patients="(a[0-9]+)_.")
    assert read.table["patient"].nunique() == 3 + 10
    (note,) = [note for note in read.notes if "from the names" in note]
    assert "10 names not fitted, each its own patient" in note


def test_patients_that_are_known_stay(photos: Path) -> None:
    rows = [f"{path.relative_to(photos)},{path.parent.name},p{k}" for k, path in
            enumerate(sorted(photos.glob("*/*.png")))]  # fmt: skip
    table = photos / "images.csv"
    table.write_text("path,category,patient\n" + "\n".join(rows), encoding="utf-8")
    read = survey([str(table)], patients="(.+)_[0-9]+")
    assert read.table["patient"].nunique() == len(rows)


def test_names_of_unknown_diseases_are_not_read(photos: Path, tmp_path: Path) -> None:
    write_category(tmp_path / "others" / "orf", 170, 3, 4)
    options = ImageOptions(
        data=(str(photos),), unknown=(str(tmp_path / "others"),), patients="(.+)_[0-9]+"
    )
    patients = load(options).table.groupby("category")["patient"].nunique()
    assert patients.to_dict() == {"acne": 3, "mpox": 5, "orf": 6}


@pytest.mark.parametrize("pattern", ["(", "no brackets", "(two)(groups)"])
def test_a_pattern_without_one_pair_of_brackets_is_refused(photos: Path, pattern: str) -> None:
    with pytest.raises(DataError, match="--patients"):
        survey([str(photos)], patients=pattern)


def test_a_pattern_that_fits_no_name_is_an_error_with_an_example(photos: Path) -> None:
    with pytest.raises(DataError, match=r"'\(P\)\.\*' fits no name, such as .*\.png"):
        survey([str(photos)], patients="(P).*")
