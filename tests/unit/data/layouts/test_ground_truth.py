"""Ground truth of the ISIC challenges: one column per diagnosis, joined with tables of lesions."""

from pathlib import Path

import pytest
from miniature_sets import MINIATURES, write_image

from mimbench.data.layouts import read_manifest


def _read(root: Path, name: str):
    MINIATURES[name](root)
    manifest = read_manifest(root)
    assert manifest.layout == name
    table = manifest.table.assign(stem=manifest.table["path"].map(lambda path: Path(path).stem))
    return manifest, table.set_index("stem").sort_index()


def test_the_column_with_a_one_is_the_diagnosis_and_lesions_come_from_another_table(tmp_path):
    manifest, table = _read(tmp_path, "isic-2018")
    assert table["category"].tolist()[:2] == ["melanocytic_nevus"] * 2
    assert "actinic_keratosis" in table["category"].iloc[2]
    assert table["patient"].tolist() == ["HAM_1", "HAM_1", "HAM_2"]
    assert table["diagnosis_confirm_type"].iloc[2] == "histopathology"
    lists = {Path(e.path).name for e in manifest.left_out if e.kind == "list of the images"}
    assert lists == {
        "ISIC2018_Task3_Training_GroundTruth.csv",
        "ISIC2018_Task3_Training_LesionGroupings.csv",
    }


def test_lesions_are_kept_where_the_metadata_of_ham10000_lie_beside(tmp_path):
    MINIATURES["isic-2018"](tmp_path)
    (tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    (tmp_path / "HAM10000_metadata").write_text(
        "lesion_id,image_id,dx,dx_type\n"
        "HAM_1,ISIC_0024306,nv,consensus\nHAM_1,ISIC_0024307,nv,consensus\n"
        "HAM_2,ISIC_0024308,akiec,histo\n"
    )
    assert read_manifest(tmp_path).table["patient"].tolist() == ["HAM_1", "HAM_1", "HAM_2"]


def test_without_the_table_of_lesions_each_image_counts_as_its_own_patient(tmp_path):
    MINIATURES["isic-2018"](tmp_path)
    (tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    manifest = read_manifest(tmp_path)
    assert set(manifest.table["patient"]) == {""}
    assert any("each image counts as its own patient" in note for note in manifest.notes)


def test_the_challenge_of_2019_has_metadata_and_lesions_where_they_are_known(tmp_path):
    _, table = _read(tmp_path, "isic-2019")
    assert table["category"].tolist() == ["squamous_cell_carcinoma", "melanoma"]
    assert table["patient"].tolist() == ["", "BCN_7"]
    assert table["sex"].tolist() == ["female", "female"]


def test_no_column_with_a_one_means_nevus_in_2017_and_files_name_the_parts(tmp_path):
    _, table = _read(tmp_path, "isic-2017")
    assert table["category"].tolist() == ["melanoma", "nevus"]
    assert table["given_1"].tolist() == ["train", "test"]


@pytest.mark.parametrize("cells", ["1,1,0,0,0,0,0", "0,0,0,0,0,0,0", "0.6,0.4,0,0,0,0,0"])
def test_an_image_without_one_diagnosis_is_left_out_and_counted(tmp_path, cells):
    MINIATURES["isic-2018"](tmp_path)
    write_image(tmp_path / "ISIC_0.jpg")
    with (tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv").open("a") as file:
        file.write(f"ISIC_0,{cells}\n")
    manifest = read_manifest(tmp_path)
    assert len(manifest.table) == 3
    kinds = {Path(entry.path).name: entry.kind for entry in manifest.left_out}
    assert "no category" in kinds["ISIC_0.jpg"]
