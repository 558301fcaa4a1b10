"""Each layout gives every original once, with its category and its patient."""

import os
from pathlib import Path

import pytest

from mimbench.data.categories import canonical_category
from mimbench.data.layouts import read_manifest
from mimbench.errors import DataError, UnknownNameError


@pytest.mark.parametrize("name", ["Monkey Pox", "Monkeypox", "MKP", "Monkeypox_augmented", "MPOX "])
def test_all_names_of_the_target_are_one_category(name):
    assert canonical_category(name) == "mpox"


def test_other_categories_are_lower_case_words():
    assert canonical_category("Hand-Foot  Mouth") == "hand_foot_mouth"
    assert canonical_category("Others_augmented") == "others"


def test_the_category_is_the_folder_that_holds_the_image_at_any_depth(tree):
    root = tree(["a/b/Acne/1.png", "Acne/2.png", "c/Orf/3.png"])
    table = read_manifest(root).table
    assert sorted(table["category"]) == ["acne", "acne", "orf"]


def test_a_folder_that_holds_several_collections_is_named_as_such(tree):
    root = tree(["msld/Monkey Pox/1.png", "msld/Others/2.png", "atlas/acne/3.png"])
    notes = [note for note in read_manifest(root, "folders").notes if "--unknown" in note]
    assert len(notes) == 1
    assert str(root / "msld") in notes[0]
    assert str(root / "atlas") in notes[0]


@pytest.mark.parametrize(
    "names",
    [["acne/1.png", "orf/2.png"], ["train/acne/1.png", "test/acne/2.png", "test/orf/3.png"]],
)
def test_one_collection_is_not_taken_for_several(tree, names):
    assert not [note for note in read_manifest(tree(names)).notes if "--unknown" in note]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([f"P{n:02d}_{k}.png" for n in range(5) for k in (1, 2)], True),
        ([f"visit {n} - 0{k}.png" for n in range(6) for k in (1, 2, 3)], True),
        ([f"IMG_{n}.png" for n in range(20)], False),  # a camera's counter
        ([f"P{n}_1.png" for n in range(9)], False),
        ([f"acne{n:02d}.png" for n in range(9)], False),
    ],
)
def test_names_that_seem_to_number_photos_of_a_patient_are_pointed_out(tree, names, told):
    root = tree([f"{('Acne', 'Orf')[k % 2]}/{name}" for k, name in enumerate(names)])
    notes = [note for note in read_manifest(root).notes if "begin as another one does" in note]
    assert len(notes) == told
    if told:
        assert names[0] in notes[0]
        assert "add --patients" in notes[0]


def test_a_folder_with_images_in_it_is_a_category(tree):
    manifest = read_manifest(tree(["Orf/1.png", "Orf/2.png"]) / "Orf")
    assert set(manifest.table["category"]) == {"orf"}
    assert manifest.layout == "folders"


def test_other_files_are_left_out_with_a_reason_but_a_photo_without_suffix_is_read(tree):
    root = tree(["acne/1.png"])
    (root / "acne" / "photo").write_bytes((root / "acne" / "1.png").read_bytes())
    (root / "acne" / "list.txt").write_text("acne")
    (root / "acne" / ".hidden.png").write_text("")
    (root / "__MACOSX" / "acne").mkdir(parents=True)
    (root / "__MACOSX" / "acne" / "1.png").write_text("")
    manifest = read_manifest(root)
    assert [Path(path).name for path in manifest.table["path"]] == ["1.png", "photo"]
    reasons = {Path(entry.path).name: entry.reason for entry in manifest.left_out}
    assert reasons == {
        "list.txt": "no image: .txt",
        ".hidden.png": "hidden file",
        "__MACOSX": "in a system folder",
    }


def test_a_link_to_a_folder_above_does_not_read_it_twice(tree):
    root = tree(["acne/1.png"])
    (root / "acne" / "up").symlink_to(root)
    assert len(read_manifest(root).table) == 1


def test_a_pipe_does_not_hold_up_the_reading_and_a_broken_link_is_not_lost(tree):
    root = tree(["acne/1.png"])
    os.mkfifo(root / "acne" / "pipe.png")
    (root / "acne" / "gone.png").symlink_to(root / "nowhere.png")
    manifest = read_manifest(root)
    assert [Path(path).name for path in manifest.table["path"]] == ["1.png"]
    assert [entry.kind for entry in manifest.left_out] == ["pipe, socket or device"]
    ((path, reason),) = manifest.rejected
    assert Path(path).name == "gone.png"
    assert f"a link to {root / 'nowhere.png'}, which does not exist" in reason


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root / "none", "does not exist"),
        (lambda root: root, "has no images"),
        (lambda root: (root / "a" / "empty").mkdir(parents=True) or root, "holds nothing"),
    ],
)
def test_a_path_without_images_is_a_clear_error(tmp_path, make, message):
    with pytest.raises(DataError, match=message):
        read_manifest(make(tmp_path))


def test_an_unknown_layout_names_the_known_ones(folders):
    with pytest.raises(UnknownNameError, match="msld"):
        read_manifest(folders, "mlsd")


def test_a_csv_file_keeps_patients_split_and_further_columns(tree):
    root = tree(["img/1.png", "img/2.png"])
    csv = root / "list.csv"
    csv.write_text(
        "path,category,patient,source,split,age,role\n"
        "img/1.png,Monkey Pox,p1,clinic,train,31,x\n"
        "img/2.png,acne,,,test,NA,x\n"
    )
    manifest = read_manifest(csv)
    first, second = manifest.table.to_dict("records")
    assert Path(first["path"]) == root / "img" / "1.png"
    assert (first["category"], first["patient"], first["source"]) == ("mpox", "p1", "clinic")
    assert (first["given_1"], first["age"]) == ("train", "31")
    assert (second["patient"], second["age"]) == ("", "NA")
    assert "role" not in manifest.table
    assert any("left out" in note and "role" in note for note in manifest.notes)
    assert any("split of its own: 1" in note for note in manifest.notes)


def test_parts_of_a_split_that_mimbench_does_not_know_are_named(tree):
    root = tree([f"img/{k}.png" for k in range(4)])
    rows = [f"img/{k}.png,acne,{part}" for k, part in enumerate(["train", "val", "val", ""])]
    (root / "list.csv").write_text("\n".join(["path,category,split", *rows]))
    (note,) = (note for note in read_manifest(root / "list.csv").notes if "none of" in note)
    assert "'val' 2" in note
    assert "train, validation, test" in note


def test_words_for_a_patient_that_is_not_known_are_no_patient(tree):
    words = ["NA", "nan", "None", "NULL", "N/A", "#N/A", ""]
    rows = [f"img/{k}.png,acne,{word}" for k, word in enumerate([*words, "p1", "Nan Li"])]
    root = tree([f"img/{k}.png" for k in range(len(rows))])
    (root / "list.csv").write_text("\n".join(["path,category,patient", *rows]))
    manifest = read_manifest(root / "list.csv")
    assert manifest.table["patient"].tolist() == [""] * len(words) + ["p1", "Nan Li"]
    (note,) = (note for note in manifest.notes if "not known" in note)
    assert all(word in note for word in words)
    assert "6 rows" in note


def test_paths_that_are_all_on_another_computers_drive_are_the_cause_that_is_named(tree):
    root = tree(["img/1.png"])
    (root / "list.csv").write_text("path,category\nC:\\a\\1.png,acne\nC:\\a\\2.png,mpox\n")
    with pytest.raises(DataError, match=r"C:\\a\\1\.png.*relative to the CSV file"):
        read_manifest(root / "list.csv")


def test_a_folder_with_a_manifest_is_read_by_it(tree):
    root = tree(["x/1.png", "x/2.png"])
    (root / "manifest.csv").write_text("path,category\nx/1.png,acne\n")
    assert list(read_manifest(root).table["category"]) == ["acne"]


@pytest.mark.parametrize("outside", ["../b/2.png", "..\\b\\2.png", "{root}/b/2.png", "../gone.png"])
def test_a_manifest_that_names_files_outside_of_its_folder_is_known_as_such(tree, outside):
    root = tree(["a/x/1.png", "b/2.png"])
    manifest = root / "a" / "manifest.csv"
    manifest.write_text(f"path,category\nx/../x/1.png,acne\n{root}/a/x/1.png,acne\n")
    assert not read_manifest(root / "a").leads_out
    manifest.write_text(f"path,category\nx/1.png,acne\n{outside.format(root=root)},acne\n")
    assert read_manifest(root / "a").leads_out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,category\na,b\n", "lacks the column path; it has file, .*rename .*--columns"),
        ("path,category\na.png,acne\nb.png, \n", "line 3: the column 'category' is empty"),
        ("path,category\n", "has no rows"),
        ("", "not a readable CSV"),
    ],
)
def test_a_csv_file_that_cannot_serve_says_why(tmp_path, text, message):
    csv = tmp_path / "list.csv"
    csv.write_text(text)
    with pytest.raises(DataError, match=message):
        read_manifest(csv)


ORIGINALS = [
    "Monkey Pox/M01_01.jpg",
    "Monkey Pox/M01_02.jpg",
    "Monkey Pox/M02_01.jpg",
    "Others/NM01_01.jpg",
    "Others/NM02_01.jpg",
]
COPIES = [
    "Monkeypox_augmented/M01_01_00.jpg",
    "Monkeypox_augmented/M01_01_13.jpg",
    "Others_augmented/NM01_01_00.jpg",
]
FOLD = [
    "Train/Monkeypox/M01_01_00.jpg",
    "Train/Monkeypox/M01_02_00.jpg",
    "Train/Others/NM01_01_00.jpg",
    "Val/Others/NM01_01_00.jpg",
    "Test/Monkeypox/M02_01.jpg",
    "Test/Others/NM02_01.jpg",
]


def _msld(nesting: int) -> list[str]:
    trees = [("Original Images", ORIGINALS), ("Augmented Images", COPIES), ("Fold1", FOLD)]
    return ["/".join([top] * nesting + [file]) for top, files in trees for file in files]


@pytest.mark.parametrize("nesting", [1, 2, 3])
def test_msld_gives_each_original_once_at_any_nesting(tree, nesting):
    manifest = read_manifest(tree(_msld(nesting)))
    table = manifest.table
    assert manifest.layout == "msld"
    assert sorted(Path(path).stem for path in table["path"]) == sorted(
        Path(name).stem for name in ORIGINALS
    )
    assert dict(zip(table["path"].map(lambda p: Path(p).stem), table["patient"], strict=True)) == {
        "M01_01": "M01",
        "M01_02": "M01",
        "M02_01": "M02",
        "NM01_01": "NM01",
        "NM02_01": "NM02",
    }
    assert any(note.endswith("originals are read: 7.") for note in manifest.notes)


def test_msld_fold_gives_originals_the_parts_of_their_copies(tree):
    names = [name for name in _msld(1) if "/Val/" not in name]
    table = read_manifest(tree(names)).table
    parts = dict(zip(table["path"].map(lambda p: Path(p).stem), table["given_1"], strict=True))
    assert parts == {
        "M01_01": "train",
        "M01_02": "train",
        "M02_01": "test",
        "NM01_01": "train",
        "NM02_01": "test",
    }


def test_msld_fold_with_an_original_in_two_parts_shows_both(tree):
    table = read_manifest(tree(_msld(1))).table
    assert "train and validation" in set(table["given_1"])


def test_msld_copies_without_originals_are_read_and_keep_their_patient(tree):
    manifest = read_manifest(tree(_msld(1)) / "Augmented Images")
    assert len(manifest.table) == 3
    assert set(manifest.table["patient"]) == {"M01", "NM01"}
    assert set(manifest.table["augmented_from"]) == {"M01_01", "NM01_01"}
    assert any("originals are missing" in note for note in manifest.notes)


def test_msld_labels_are_checked_against_the_folders(tree):
    root = tree(ORIGINALS)
    (root / "labels.csv").write_text("ImageID,Label\nM01_01,Non Monkeypox\nNM01_01,Non Monkeypox\n")
    manifest = read_manifest(root)
    assert any(
        "contradicts the folders of 1 " in note and "M01_01" in note for note in manifest.notes
    )
    assert sum(manifest.table["category"] == "mpox") == 3


def test_msld_waits_for_no_pipe_and_reads_no_device_in_place_of_its_labels(tree):
    root = tree(ORIGINALS)
    os.mkfifo(root / "labels.csv")
    (root / "more.csv").symlink_to("/dev/zero")
    manifest = read_manifest(root)
    assert manifest.layout == "msld"
    assert len(manifest.table) == len(ORIGINALS)
    kinds = {Path(entry.path).name: entry.kind for entry in manifest.left_out}
    assert kinds == dict.fromkeys(("labels.csv", "more.csv"), "pipe, socket or device")


def test_msld_labels_are_read_like_every_csv_file(tree):
    root = tree(ORIGINALS)
    (root / "labels.csv").write_bytes("ImageID;Label\nM01_01;Non Monkeypox\n".encode("utf-16"))
    (root / "other.csv").write_bytes(b"PK\x03\x04 no table")
    assert any("labels.csv contradicts" in note for note in read_manifest(root).notes)


def test_msld_v2_reads_each_image_of_its_five_folds_once(tree):
    photos = {"MKP_01_01": "Monkeypox", "MKP_01_02": "Monkeypox", "CHP_01_01": "Chickenpox"}
    parts = ["Train", "Valid", "Test", "Train", "Train"]
    names = [
        f"Original Images/Original Images/FOLDS/fold{fold}/{part}/{folder}/{stem}.jpg"
        for fold, part in enumerate(parts, start=1)
        for stem, folder in photos.items()
    ]
    names += [
        f"Augmented Images/Augmented Images/FOLDS_AUG/fold1_AUG/Train/Monkeypox/MKP_01_01_{i}.jpg"
        for i in range(3)
    ]
    manifest = read_manifest(tree(names))
    table = manifest.table
    assert manifest.layout == "msld-v2"
    assert sorted(Path(path).stem for path in table["path"]) == sorted(photos)
    assert set(table["patient"]) == {"MKP_01", "CHP_01"}
    assert list(table.filter(like="given_").iloc[0]) == [
        "train",
        "validation",
        "test",
        "train",
        "train",
    ]


def test_the_layout_can_be_overridden(tree):
    manifest = read_manifest(tree(ORIGINALS), "folders")
    assert set(manifest.table["patient"]) == {""}


def test_the_real_msld_is_recognised(real_images):
    table = read_manifest(real_images / "msld").table
    counts = table.groupby("category").agg(images=("path", "size"), patients=("patient", "nunique"))
    assert counts.loc["mpox"].tolist() == [102, 55]
    assert counts.loc["others"].tolist() == [126, 107]
