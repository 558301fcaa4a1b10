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


def test_ham10000_is_recognised_by_its_authors_metadata_which_has_no_suffix(
    tmp_path,
):
    MINIATURES["ham10000"](tmp_path)
    (tmp_path / "HAM10000_metadata.csv").rename(tmp_path / "HAM10000_metadata")
    manifest = read_manifest(tmp_path)
    assert manifest.layout == "ham10000"
    assert sorted(manifest.table["patient"]) == ["HAM_1", "HAM_1", "HAM_2"]


def test_a_suffix_in_capitals_is_the_same_suffix_and_the_exact_spelling_goes_first(tmp_path):
    for name in ("x/a.JPG", "y/b.Jpeg", "c.PNG", "c.png"):
        write_image(tmp_path / name)
    text = "file,dx\na.jpg,nevus\ny/b.jpeg,acne\nc.png,wart\n"
    _, rows = _named(tmp_path, text)
    assert rows["category"].to_dict() == {"x/a.JPG": "nevus", "y/b.Jpeg": "acne", "c.png": "wart"}


def test_folders_that_are_not_there_and_a_suffix_in_capitals_are_both_forgiven(tmp_path):
    for name in ("x/a.JPG", "y/b.JPG"):
        write_image(tmp_path / name)
    _, rows = _named(tmp_path, "file,dx\n/data/x/a.jpg,nevus\n/data/y/b.jpg,acne\n")
    assert list(rows.index) == ["x/a.JPG", "y/b.JPG"]


def test_an_isic_export_takes_the_finest_diagnosis_and_the_lesion_without_a_patient(tmp_path):
    manifest, table = _read(tmp_path, "isic")
    assert table["category"].tolist() == ["nevus", "malignant"]
    assert table["patient"].tolist() == ["IP_1", "IL_2"]
    assert table["skin_tone"].tolist() == ["Fitzpatrick II", ""]
    kinds = {Path(entry.path).name: entry.kind for entry in manifest.left_out}
    assert kinds["ISIC_3.jpg"] == "no category in metadata.csv"


def test_an_export_of_the_challenge_of_2024_is_read_by_its_own_names_of_diagnoses(tmp_path):
    (tmp_path / "train-metadata.csv").write_text(
        "isic_id,target,patient_id,iddx_1,iddx_2\nISIC_1,0,IP_1,Benign,\nISIC_2,1,IP_2,Malignant,"
        "Melanoma Invasive\n"
    )
    for k in (1, 2):
        write_image(tmp_path / "train-image" / "image" / f"ISIC_{k}.jpg")
    table = read_manifest(tmp_path).table
    assert table["category"].tolist() == ["benign", "melanoma_invasive"]
    assert table["patient"].tolist() == ["IP_1", "IP_2"]


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


@pytest.mark.parametrize("cell", ["../b.png", "../gone.png"])
def test_a_table_that_names_files_outside_of_its_folder_is_known_as_such(tmp_path, cell):
    write_image(tmp_path / "b.png")
    write_image(tmp_path / "clinic" / "x" / "a.png")
    table = tmp_path / "clinic" / "x" / "list.csv"
    table.write_text("file,dx\n../x/a.png,Nevus\n,Acne\n")
    columns = parse_columns("image=file,category=dx")
    assert not read_manifest(tmp_path / "clinic", columns=columns).leads_out
    table.write_text(f"file,dx\na.png,Nevus\n../{cell},Acne\n")
    assert read_manifest(tmp_path / "clinic", columns=columns).leads_out


def test_two_tables_with_the_columns_must_be_told_apart(clinic):
    (clinic / "again.csv").write_text(TABLE)
    with pytest.raises(DataError, match=r"again\.csv, list\.csv"):
        read_manifest(clinic, columns=parse_columns("image=file,category=dx"))


def _named(root: Path, table: str, columns: str = "image=file,category=dx"):
    (root / "t.csv").write_text(table)
    manifest = read_manifest(root / "t.csv", columns=parse_columns(columns))
    rows = manifest.table
    rows.index = [Path(path).relative_to(root).as_posix() for path in rows["path"]]
    return manifest, rows


@pytest.mark.parametrize("cell", ["x/b.png", "train/b.png", "b.jpg", "n" * 300, "x\\b.png"])
def test_a_missing_image_gives_its_label_to_no_other_image_of_that_name(tmp_path, cell):
    for name in ("x/a.png", "y/b.png"):
        write_image(tmp_path / name)
    manifest, rows = _named(tmp_path, f"file,dx\nx/a.png,nevus\n{cell},acne\n")
    assert rows["category"].to_dict() == {"x/a.png": "nevus"}
    assert any("not there: 1" in note and cell[:60] in note for note in manifest.notes)


def test_folders_with_which_all_cells_begin_may_be_missing_on_disk(tmp_path):
    for name in ("x/a.png", "y/b.png", "other/c.png"):
        write_image(tmp_path / name)
    text = "file,dx\n/home/me/x/a.png,nevus\n/home/me/y/b.png,acne\n/home/me/x/c.png,acne\n"
    _, rows = _named(tmp_path, text)
    assert list(rows.index) == ["x/a.png", "y/b.png"]


def test_a_name_that_fits_two_different_images_is_an_error_and_copies_are_one_image(tmp_path):
    for name in ("x/a.png", "y/a.png"):
        write_image(tmp_path / name)
    _, rows = _named(tmp_path, "file,dx\na,nevus\n")
    assert list(rows.index) == ["x/a.png"]
    write_image(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "y" / "a.png")
    with pytest.raises(DataError) as error:
        _named(tmp_path, "file,dx\na,nevus\n")
    assert all(fact in str(error.value) for fact in ("'a'", "x/a.png", "y/a.png"))


def test_rows_that_disagree_on_an_image_leave_it_out_and_others_join_their_patients(tmp_path):
    for name in "abcd":
        write_image(tmp_path / f"{name}.png")
    text = "file,dx,p\na,nevus,p1\na,acne,p1\nb,acne,p2\nb,Acne,p3\nc,acne,p3\nd,acne,p1\nd,,p1\n"
    manifest, rows = _named(tmp_path, text, "image=file,category=dx,patient=p")
    assert rows["patient"].to_dict() == {"b.png": "p2", "c.png": "p2", "d.png": "p1"}
    assert any("a.png (acne or nevus)" in note for note in manifest.notes)
    assert any("several" in entry.kind for entry in manifest.left_out)


def test_a_lesion_is_of_one_group_also_where_the_patient_of_one_image_is_not_known(tmp_path):
    for name in "abcde":
        write_image(tmp_path / f"{name}.png")
    text = "file,dx,p,l\na,acne,P1,9\nb,acne,,9\nc,acne,9,8\nd,acne,,7\ne,acne,NA,\n"
    _, rows = _named(tmp_path, text, "image=file,category=dx,patient=p,patient=l")
    assert rows["patient"].tolist() == ["P1", "P1", "9", "7", ""]


def test_a_patient_and_a_lesion_of_one_number_are_two_groups(tmp_path):
    for name in "ab":
        write_image(tmp_path / f"{name}.png")
    _, rows = _named(
        tmp_path,
        "file,dx,p,l\na,acne,1,\nb,acne,,1\n",
        "image=file,category=dx,patient=p,patient=l",
    )
    assert rows["patient"].nunique() == 2


def test_lesions_that_are_numbered_anew_for_each_patient_do_not_join_patients(tmp_path):
    for name in "abcde":
        write_image(tmp_path / f"{name}.png")
    text = "file,dx,p,l\na,acne,P1,1\nb,acne,P1,2\nc,acne,P2,1\nd,acne,P3,1\ne,acne,,1\n"
    manifest, rows = _named(tmp_path, text, "image=file,category=dx,patient=p,patient=l")
    assert rows["patient"].tolist() == ["P1", "P1", "P2", "P3", "1"]
    assert any("l begin anew for each p" in note for note in manifest.notes)


def test_one_lesion_that_two_of_many_patients_share_joins_these_two(tmp_path):
    for name in "abcdef":
        write_image(tmp_path / f"{name}.png")
    lines = [f"{name},acne,P{k},L{max(k, 1)}" for k, name in enumerate("abcdef")]
    manifest, rows = _named(
        tmp_path, "\n".join(["file,dx,p,l", *lines]), "image=file,category=dx,patient=p,patient=l"
    )
    assert rows["patient"].tolist() == ["P0", "P0", "P2", "P3", "P4", "P5"]
    assert not any("begin anew" in note for note in manifest.notes)


def test_columns_that_are_named_as_mimbench_names_them_count_without_being_mapped(tmp_path):
    for name in "ab":
        write_image(tmp_path / f"{name}.png")
    text = "file,dx,patient,source,split\na,acne,p1,web,train\nb,acne,p1,web,val\n"
    manifest, rows = _named(tmp_path, text)
    assert rows["patient"].tolist() == ["p1", "p1"]
    assert rows["source"].tolist() == ["web", "web"]
    assert rows["given_1"].tolist() == ["train", "validation"]
    assert any("patient, source, split" in note for note in manifest.notes)
