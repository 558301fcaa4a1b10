"""SCIN: photos of a case belong together; labels and skin tone are the dermatologists'."""

from pathlib import Path

import pytest
from miniature_sets import MINIATURES

from mimbench.data.layouts import read_manifest
from mimbench.errors import DataError


def test_each_photo_has_the_case_and_its_most_likely_label(tmp_path):
    MINIATURES["scin"](tmp_path)
    manifest = read_manifest(tmp_path)
    table = manifest.table.assign(name=manifest.table["path"].map(lambda path: Path(path).name))
    table = table.sort_values("name").set_index("name")
    assert table["category"].to_dict() == {
        "-101.png": "eczema",
        "-102.png": "eczema",
        "-201.png": "urticaria",
    }
    assert table["patient"].tolist() == ["-11", "-11", "22"]
    assert table["skin_tone"].tolist() == ["Fitzpatrick III", "Fitzpatrick III", "Fitzpatrick V"]
    assert table["fitzpatrick_skin_type"].tolist() == ["FST2", "FST2", "NONE_SELECTED"]
    assert table["monk_skin_tone_label_us"].tolist() == ["4", "4", "8"]
    kinds = {Path(entry.path).name: entry.kind for entry in manifest.left_out}
    assert "no category" in kinds["-301.png"]


def test_a_missing_table_is_named_by_its_columns(tmp_path):
    MINIATURES["scin"](tmp_path)
    (tmp_path / "scin_labels.csv").unlink()
    assert read_manifest(tmp_path).layout == "folders"
    with pytest.raises(DataError, match="weighted_skin_condition_label"):
        read_manifest(tmp_path, "scin")


def test_a_condition_without_a_weight_counts_as_none_and_photos_of_two_cases_join_them(tmp_path):
    MINIATURES["scin"](tmp_path)
    labels, cases = tmp_path / "scin_labels.csv", tmp_path / "scin_cases.csv"
    labels.write_text(labels.read_text().replace("'Urticaria': 1.0", "'Eczema': None"))
    shared = "44,SCIN,1.0.0,,FST2,dataset/images/-101.png,,,CLOSE_UP\n"
    cases.write_text(cases.read_text() + shared)
    labels.write_text(labels.read_text() + "44,\"{'Eczema': 1}\",FST3,,,4\n")
    manifest = read_manifest(tmp_path)
    table = manifest.table
    assert [Path(path).name for path in table["path"]] == ["-101.png", "-102.png"]
    assert table["patient"].nunique() == 1
    assert "no category" in next(e.kind for e in manifest.left_out if "-201" in e.path)
