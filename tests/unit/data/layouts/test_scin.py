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
