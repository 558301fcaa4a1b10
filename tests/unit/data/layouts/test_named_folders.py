"""Data sets that are folders with known names."""

from pathlib import Path

from miniature_sets import MINIATURES

from mimbench.data.layouts import read_manifest


def test_dermnet_brings_its_training_and_test_folder_as_a_split(tmp_path):
    MINIATURES["dermnet"](tmp_path)
    table = read_manifest(tmp_path).table
    assert len(set(table["category"])) == 23
    named = [Path(path).parts[len(tmp_path.parts)] for path in table["path"]]
    assert table["given_1"].tolist() == named
    assert set(named) == {"train", "test"}


def test_msid_is_mpox_and_three_others_without_patients_and_says_how_it_was_recognised(tmp_path):
    MINIATURES["msid"](tmp_path)
    manifest = read_manifest(tmp_path)
    assert set(manifest.table["category"]) == {"mpox", "chickenpox", "measles", "normal"}
    assert any("--layout folders" in note for note in manifest.notes)
    assert any("no patients are known" in note for note in manifest.notes)
    assert read_manifest(tmp_path, "folders").layout == "folders"


def test_a_collection_of_three_of_msids_diseases_is_not_taken_for_it(tmp_path):
    MINIATURES["msid"](tmp_path)
    for path in tmp_path.glob("*/Normal/*"):
        path.unlink()
    assert read_manifest(tmp_path).layout == "folders"
