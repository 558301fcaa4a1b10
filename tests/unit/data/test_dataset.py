"""Folders become images with one role each; what cannot serve is said in one sentence."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from mimbench.data.dataset import ImageOptions, load
from mimbench.data.splits import split
from mimbench.errors import DataError, UnknownNameError
from mimbench.scores.tables import IMAGE_COLUMNS


def _load(data: Path | list[Path], **options: object):
    folders = data if isinstance(data, list) else [data]
    return load(ImageOptions(data=[str(path) for path in folders], canonical_size=32, **options))


def test_folders_become_a_table_with_pixels_row_by_row(folders):
    dataset = _load(folders)
    table = dataset.table
    assert list(table.columns[: len(IMAGE_COLUMNS)]) == list(IMAGE_COLUMNS)
    assert dataset.pixels.shape == (12, 32, 32, 3)
    assert dataset.target == "mpox"
    assert table["role"].value_counts().to_dict() == {"target": 6, "known": 6}
    assert set(table["width"]) == {32}
    assert set(table["height"]) == {24}
    for path, image_id in zip(table["path"], table["image_id"], strict=True):
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == image_id
    assert len(np.unique(dataset.pixels.reshape(12, -1), axis=0)) == 12


def test_the_split_stays_when_the_folder_is_given_in_another_way(folders, monkeypatch):
    here = split(_load(folders).table, 2, 0)
    monkeypatch.chdir(folders)
    there = split(_load(Path()).table, 2, 0)
    assert here["patient"].tolist() == there["patient"].tolist()
    assert here["split_0"].tolist() == there["split_0"].tolist()


def test_roles_follow_the_options(tree, folders):
    root = tree(["skin/orf/1.png", "skin/acne_2/1.png", "odd/1.png", "site/mpox/1.png"])
    dataset = _load(
        folders,
        unknown=[str(root / "skin")],
        abnormal=[str(root / "odd")],
        external=[str(root / "site")],
    )
    found = dataset.table.groupby(["role", "category"]).size().to_dict()
    assert found == {
        ("target", "mpox"): 6,
        ("known", "acne"): 6,
        ("unknown", "orf"): 1,
        ("unknown", "acne_2"): 1,
        ("abnormal", "odd"): 1,
        ("external", "mpox"): 1,
    }


def test_categories_of_the_data_can_be_unknown_or_left_out(tree):
    root = tree([f"{category}/{i}.png" for category in ("mpox", "a", "b", "c") for i in range(2)])
    dataset = _load(root, known=["A"], unknown_categories=["b"])
    assert set(zip(dataset.table["category"], dataset.table["role"], strict=True)) == {
        ("mpox", "target"),
        ("a", "known"),
        ("b", "unknown"),
    }
    assert any("left out" in note and "c." in note for note in dataset.notes)


def test_a_target_that_is_called_otherwise_is_named_with_what_was_asked_for(tree):
    root = tree(["mpox/1.png", "acne/1.png"])
    assert "target: mpox (from 'mpx')." in _load(root, target="mpx").notes
    for plain in (None, "mpox", "MPOX"):
        assert not [note for note in _load(root, target=plain).notes if "target: " in note]


def test_images_without_a_patient_are_a_patient_each_and_names_do_not_meet(tree):
    root = tree(["one/mpox/1.png", "two/acne/1.png"])
    patients = _load([root / "one", root / "two"]).table["patient"].tolist()
    assert patients == ["one/mpox/1.png", "two/acne/1.png"]


def test_folders_of_one_name_are_told_apart(tree):
    root = tree(["a/data/mpox/1.png", "b/data/acne/1.png"])
    table = _load([root / "a/data", root / "b/data"]).table
    assert table["dataset"].tolist() == ["a/data", "b/data"]
    assert table["source"].tolist() == ["a/data", "b/data"]


def test_the_same_file_twice_in_a_category_is_one_image_and_joins_its_patients(tree):
    root = tree(
        [f"Others/NM{i}_01.jpg" for i in range(4)] + ["Others/NM0_02.jpg", "Monkey Pox/M1_01.jpg"]
    )
    shutil.copy(root / "Others/NM0_01.jpg", root / "Others/NM3_02.jpg")
    table = _load(root).table
    assert len(table) == 6
    of_file = dict(zip(table["path"].map(lambda p: Path(p).stem), table["patient"], strict=True))
    assert of_file["NM0_01"] == of_file["NM0_02"] == of_file["NM3_01"]
    assert of_file["NM1_01"] != of_file["NM0_01"]


def test_the_same_file_in_two_categories_is_refused(folders):
    shutil.copy(folders / "acne/0.png", folders / "Monkey Pox/copy.png")
    with pytest.raises(DataError, match=r"copy\.png \(mpox, target\) and .*0\.png \(acne, known\)"):
        _load(folders)


def test_the_same_file_in_two_roles_is_refused(tree, folders):
    root = tree(["site/mpox/1.png"])
    shutil.copy(folders / "Monkey Pox/0.png", root / "site/mpox/2.png")
    with pytest.raises(DataError, match=r"mpox, target.*mpox, external"):
        _load(folders, external=[str(root / "site")])


def test_unreadable_files_are_listed_and_the_others_are_read(folders):
    (folders / "acne" / "empty.jpg").touch()
    dataset = _load(folders)
    assert len(dataset) == 12
    assert dataset.rejected.to_dict("records") == [
        {"path": str(folders / "acne" / "empty.jpg"), "reason": "the file is empty"}
    ]


def test_the_count_of_files_says_which_cannot_be_read(folders):
    (folders / "acne" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
    dataset = _load(folders)
    first = dataset.notes[0]
    assert "7 acne" in first
    assert first.endswith("; of these, 1 acne cannot be read.")
    assert "13 files found: 12 read, 1 rejected" in dataset.notes[-1]


def test_further_columns_stay_and_are_empty_elsewhere(tree, folders):
    root = tree(["clinic/1.png"])
    (root / "clinic/list.csv").write_text("path,category,sex\n1.png,orf,f\n")
    table = _load(folders, unknown=[str(root / "clinic/list.csv")]).table
    assert table["sex"].tolist() == [""] * 12 + ["f"]
    pd.testing.assert_series_equal(table["sex"], table["sex"].astype("str"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "mumps"}, UnknownNameError, "Unknown category for --target 'mumps'"),
        ({"known": ["acnee"]}, UnknownNameError, "Did you mean acne"),
        ({"known": ["mpox"]}, DataError, "cannot be a known category too"),
        ({"known": ["acne"], "unknown_categories": ["acne"]}, DataError, "has one role"),
        ({"unknown_categories": ["mpox"]}, DataError, "cannot be an unknown category too"),
        ({"unknown": ["nowhere"]}, DataError, "nowhere does not exist"),
    ],
)
def test_a_wrong_choice_is_one_clear_sentence(folders, options, error, message):
    with pytest.raises(error, match=message):
        _load(folders, **options)


def test_a_category_in_two_roles_is_refused(tree, folders):
    root = tree(["skin/acne/1.png"])
    with pytest.raises(DataError, match=r"'acne' is known \(in data\) and unknown \(in skin\)"):
        _load(folders, unknown=[str(root / "skin")])


def test_a_folder_given_twice_is_refused(folders):
    with pytest.raises(DataError, match="given twice"):
        _load(folders, external=[str(folders / "../data")])


def test_data_without_a_target_ask_for_it(tree):
    with pytest.raises(DataError, match="no category 'mpox'; say which one is the target: a, b"):
        _load(tree(["a/1.png", "b/1.png"]))


def test_a_category_without_a_readable_image_is_refused(folders):
    (folders / "orf").mkdir()
    (folders / "orf" / "1.jpg").write_text("no")
    with pytest.raises(DataError, match=r"No image of category 'orf' can be read.*image format"):
        _load(folders)


def test_unknown_options_are_refused():
    with pytest.raises(ValidationError, match="targets"):
        ImageOptions(data=["x"], targets="mpox")


def test_real_msld_with_its_repeated_file(real_images):
    options = ImageOptions(data=[str(real_images / "msld")], canonical_size=64)
    table = load(options).table
    assert len(table) == 227
    assert table.groupby("category")["patient"].nunique().to_dict() == {"mpox": 55, "others": 104}
    assert set(table["source"]) == {"msld"}


def test_a_large_photo_keeps_its_size_in_the_table(tree, folders):
    Image.new("RGB", (1200, 900)).save(folders / "acne" / "large.jpg")
    table = _load(folders).table
    assert table["width"].max() == 1200
