"""MedMNIST archives are read image by image, with names of labels and the parts as a split."""

from pathlib import Path

import numpy as np
import pytest
from miniature_sets import MINIATURES

from mimbench.data.dataset import survey
from mimbench.data.layouts import read_manifest
from mimbench.errors import DataError


def test_pixels_labels_and_parts_are_those_of_the_archive(tmp_path):
    MINIATURES["dermamnist"](tmp_path)
    found = survey([str(tmp_path)], size=28)
    with np.load(tmp_path / "dermamnist_64.npz") as archive:
        expected = np.concatenate([archive[f"{part}_images"] for part in ("train", "val", "test")])
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.table["given_1"].value_counts().to_dict() == {
        "train": 7,
        "test": 3,
        "validation": 2,
    }
    assert found.table["category"][4] == "melanoma"
    assert found.table["image_id"].is_unique
    assert not [note for note in found.notes if note.startswith("no image in")]


def test_grey_images_are_read_too(tmp_path):
    MINIATURES["medmnist"](tmp_path)
    found = survey([str(tmp_path)], size=28)
    assert set(found.table["category"]) == {"normal", "pneumonia"}
    assert (found.pixels[..., 0] == found.pixels[..., 1]).all()


@pytest.mark.parametrize(
    ("images", "labels", "fact"),
    [
        ((4, 28, 28, 28), (4, 1), "shape"),
        ((4, 28, 28, 3), (4, 14), "one label"),
        ((4, 28, 28, 3), (4, 1), "has the label 9"),
    ],
)
def test_volumes_several_labels_and_unknown_labels_are_refused(tmp_path, images, labels, fact):
    arrays = {
        "train_images": np.zeros(images, dtype=np.uint8),
        "train_labels": np.full(labels, 9, dtype=np.uint8),
    }
    np.savez(tmp_path / "dermamnist.npz", **arrays)
    with pytest.raises(DataError, match=fact):
        read_manifest(tmp_path)


def test_a_file_that_is_no_archive_is_refused_by_name(tmp_path):
    (tmp_path / "dermamnist.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"dermamnist\.npz"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        (np.full((4, 1), -1, dtype=np.int64), "label -1"),
        (np.full((4, 1), 0.5), "float64"),
        (np.array(2), "one label"),
    ],
)
def test_labels_that_are_no_numbers_of_a_category_are_refused(tmp_path, labels, fact):
    images = np.zeros((4, 28, 28, 3), dtype=np.uint8)
    np.savez(tmp_path / "dermamnist.npz", train_images=images, train_labels=labels)
    with pytest.raises(DataError, match=fact):
        read_manifest(tmp_path)


def test_of_two_sizes_the_larger_one_is_read_and_the_other_counted(tmp_path):
    MINIATURES["dermamnist"](tmp_path)
    (tmp_path / "dermamnist.npz").write_bytes((tmp_path / "dermamnist_64.npz").read_bytes())
    manifest = read_manifest(tmp_path)
    assert len(manifest.table) == 12
    assert all("dermamnist_64.npz" in path for path in manifest.table["path"])
    assert any("larger size: dermamnist.npz" in note for note in manifest.notes)
    kinds = {Path(entry.path).name: entry.kind for entry in manifest.left_out}
    assert "smaller size" in kinds["dermamnist.npz"]


def test_two_archives_of_one_name_and_size_are_an_error(tmp_path):
    MINIATURES["dermamnist"](tmp_path / "a")
    MINIATURES["dermamnist"](tmp_path / "b")
    with pytest.raises(DataError, match=r"a/dermamnist_64\.npz and .*b/dermamnist_64\.npz"):
        read_manifest(tmp_path)


def test_dermamnist_beside_another_archive_is_read_only_when_told_which(tmp_path):
    MINIATURES["dermamnist"](tmp_path)
    MINIATURES["medmnist"](tmp_path)
    with pytest.raises(DataError) as error:
        read_manifest(tmp_path)
    assert all(name in str(error.value) for name in ("dermamnist", "pneumoniamnist", "--layout"))
    for layout, images in (("dermamnist", 12), ("medmnist", 7)):
        assert len(read_manifest(tmp_path, layout).table) == images


def test_an_archive_without_known_labels_is_named_with_those_that_are_read(tmp_path):
    MINIATURES["medmnist"](tmp_path)
    (tmp_path / "chestmnist.npz").write_bytes(b"")
    notes = read_manifest(tmp_path).notes
    assert any("chestmnist" in note and "pneumoniamnist" in note for note in notes)
    (tmp_path / "pneumoniamnist.npz").unlink()
    with pytest.raises(DataError, match=r"chestmnist.*It reads .*pathmnist"):
        read_manifest(tmp_path)
