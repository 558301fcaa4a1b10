"""Tables of public data sets: each image gets its category, group, source and skin tone."""

from pathlib import Path

import pytest
from miniature_sets import MINIATURES, write_image

from mimbench.data.columns import parse_columns
from mimbench.data.layouts import read_manifest
from mimbench.errors import DataError


def _read(root: Path, name: str):
    MINIATURES[name](root)
    manifest = read_manifest(root)
    assert manifest.layout == name
    table = manifest.table.assign(stem=manifest.table["path"].map(lambda path: Path(path).stem))
    return manifest, table.set_index("stem").sort_index()


def test_pad_ufes_20_has_patients_and_skin_type_and_names_what_is_not_there(tmp_path):
    manifest, table = _read(tmp_path, "pad-ufes-20")
    assert table["patient"].tolist() == ["PAT_1", "PAT_1", "PAT_2"]
    assert table["category"].tolist() == ["nev", "nev", "bcc"]
    assert table["skin_tone"].tolist() == ["Fitzpatrick III", "Fitzpatrick III", ""]
    assert table["biopsed"].tolist() == ["False", "False", "True"]
    assert any("2 of 3 images" in note for note in manifest.notes)
    assert any("PAT_3_12_103.png" in note for note in manifest.notes)
    assert {Path(entry.path).name: entry.kind for entry in manifest.left_out} == {
        "other.png": "not in metadata.csv",
        "metadata.csv": "list of the images",
    }


def test_ham10000_keeps_a_lesion_together_and_reads_a_repeated_image_once(tmp_path):
    manifest, table = _read(tmp_path, "ham10000")
    assert table.loc[["ISIC_0025030", "ISIC_0027419"], "patient"].tolist() == ["HAM_1", "HAM_1"]
    assert table.loc["ISIC_0026769", "source"] == "rosendahl"
    assert len(table) == 3
    assert any("lesion_id 3" in note for note in manifest.notes)


def test_an_isic_export_takes_the_finest_diagnosis_and_the_lesion_without_a_patient(tmp_path):
    manifest, table = _read(tmp_path, "isic")
    assert table["category"].tolist() == ["nevus", "malignant"]
    assert table["patient"].tolist() == ["IP_1", "IL_2"]
    assert table["skin_tone"].tolist() == ["Fitzpatrick II", ""]
    kinds = {Path(entry.path).name: entry.kind for entry in manifest.left_out}
    assert kinds["ISIC_3.jpg"] == "no category in metadata.csv"


def test_a_further_table_of_an_export_that_has_no_diagnosis_hides_none(tmp_path):
    (tmp_path / "attribution.csv").write_text("isic_id,creator\nISIC_1,MSK\nISIC_2,MSK\n")
    _, table = _read(tmp_path, "isic")
    assert table["category"].tolist() == ["nevus", "malignant"]


def test_fitzpatrick17k_has_the_atlas_as_source_and_minus_one_as_unknown_tone(tmp_path):
    _, table = _read(tmp_path, "fitzpatrick17k")
    assert table["source"].tolist() == ["dermaamin.com", "atlasdermatologico.com.br"]
    assert table["skin_tone"].tolist() == ["Fitzpatrick III", ""]
    assert set(table["patient"]) == {""}


def test_ddi_has_pairs_of_skin_types(tmp_path):
    _, table = _read(tmp_path, "ddi")
    assert table["skin_tone"].tolist() == ["Fitzpatrick V-VI", "Fitzpatrick I-II"]
    assert table["category"].tolist() == ["melanoma_in_situ", "melanocytic_nevi"]


def test_a_table_that_names_few_of_the_images_does_not_hide_the_others(tmp_path):
    MINIATURES["ddi"](tmp_path)
    for k in range(5):
        write_image(tmp_path / "more" / f"photo{k}.png")
    assert read_manifest(tmp_path).layout == "folders"


TABLE = (
    "file;dx;person;tone;part\na;Nevus;p1;dark;train\nx/b.png;Acne;NA;light;val\nc;Acne;p1;;test\n"
)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    for name in ("x/a.png", "x/b.png", "y/b.png", "y/c.png"):
        write_image(tmp_path / name)
    (tmp_path / "list.csv").write_text(TABLE)
    return tmp_path


@pytest.mark.parametrize("place", ["", "list.csv"])
def test_any_table_is_read_by_the_columns_that_the_user_names(clinic, place):
    columns = parse_columns("image=file,category=dx,patient=person,skin_tone=tone,split=part")
    manifest = read_manifest(clinic / place, columns=columns)
    table = manifest.table
    names = [Path(path).relative_to(clinic).as_posix() for path in table["path"]]
    assert names == ["x/a.png", "x/b.png", "y/c.png"]
    assert table["patient"].tolist() == ["p1", "", "p1"]
    assert table["skin_tone"].tolist() == ["dark", "light", ""]
    assert table["given_1"].tolist() == ["train", "validation", "test"]
    assert {entry.kind for entry in manifest.left_out} == {"not in list.csv", "list of the images"}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("image=file,category=diagnosis", ["lacks", "diagnosis", "file, dx, person"]),
        ("image=dx,category=file", ["None of the images", "list.csv", "Nevus"]),
    ],
)
def test_columns_that_do_not_fit_say_what_the_table_has(clinic, text, facts):
    with pytest.raises(DataError) as error:
        read_manifest(clinic / "list.csv", columns=parse_columns(text))
    assert all(fact in str(error.value) for fact in facts)


def test_two_tables_with_the_columns_must_be_told_apart(clinic):
    (clinic / "again.csv").write_text(TABLE)
    with pytest.raises(DataError, match=r"again\.csv, list\.csv"):
        read_manifest(clinic, columns=parse_columns("image=file,category=dx"))
