"""MedMNIST archives are read image by image, with names of labels and the parts as a split."""

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
