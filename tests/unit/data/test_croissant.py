"""A collection is described as Croissant, and what was described is read again."""

import json
from pathlib import Path

import pandas as pd
import pytest
from miniature_sets import MINIATURES

from mimbench.data.croissant import write_croissant
from mimbench.data.dataset import survey
from mimbench.data.fetch.places import remember
from mimbench.data.layouts import read_manifest
from mimbench.errors import DataError, OutputError
from mimbench.files import file_hash


@pytest.fixture
def described(tmp_path: Path) -> Path:
    MINIATURES["pad-ufes-20"](tmp_path / "pad")
    (tmp_path / "out").mkdir()
    write_croissant(str(tmp_path / "pad"), tmp_path / "out" / "pad.json")
    return tmp_path / "out" / "pad.json"


def test_the_file_says_what_the_collection_is_and_where_each_field_stands(described):
    content = json.loads(described.read_text())
    assert content["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert (content["name"], content["license"]) == ("PAD-UFES-20", "CC BY 4.0")
    (file,) = content["distribution"]
    assert file["sha256"] == file_hash(described.with_name(file["contentUrl"]))
    (record,) = content["recordSet"]
    names = [field["name"] for field in record["field"]]
    assert names[:3] == ["image", "category", "patient"]
    assert {"skin_tone", "biopsed", "image_id"} <= set(names)
    columns = pd.read_csv(described.with_suffix(".csv")).columns
    assert names == list(columns)


@pytest.mark.parametrize("layout", [None, "croissant"])
def test_what_was_described_is_read_again(described, tmp_path, layout):
    first = survey([str(tmp_path / "pad")], size=32).table.set_index("image_id").sort_index()
    again = survey([str(described)], layout, size=32)
    second = again.table.set_index("image_id").sort_index()
    for column in ("category", "skin_tone"):
        assert first[column].tolist() == second[column].tolist()
    people = [table["patient"].str.rpartition("/")[2].tolist() for table in (first, second)]
    assert people[0] == people[1]
    assert read_manifest(described).layout == "croissant"
    assert {entry.kind for entry in again.left_out} == {"list of the images"}


def test_a_folder_with_croissant_json_is_read_by_it(tmp_path):
    MINIATURES["msid"](tmp_path)
    found = write_croissant(str(tmp_path), tmp_path / "croissant.json")
    manifest = read_manifest(tmp_path)
    assert manifest.layout == "croissant"
    assert len(manifest.table) == len(found) == 8
    assert set(manifest.table["patient"]) == {""}


def test_a_table_outside_of_the_folder_is_known_as_such(tmp_path):
    MINIATURES["msid"](tmp_path / "set")
    described = tmp_path / "set" / "croissant.json"
    write_croissant(str(tmp_path / "set"), described)
    assert not read_manifest(tmp_path / "set").leads_out
    described.with_suffix(".csv").rename(tmp_path / "moved.csv")
    text = (tmp_path / "moved.csv").read_text()
    (tmp_path / "moved.csv").write_text(text.replace("\n", "\nset/").removesuffix("set/"))
    described.write_text(described.read_text().replace("croissant.csv", "../moved.csv"))
    assert read_manifest(tmp_path / "set").leads_out


def test_nothing_is_overwritten(described, tmp_path):
    with pytest.raises(OutputError, match=r"pad\.json exists"):
        write_croissant(str(tmp_path / "pad"), described)
    with pytest.raises(DataError, match=r"\.json"):
        write_croissant(str(tmp_path / "pad"), tmp_path / "pad.txt")


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda content: content.pop("recordSet"), "no recordSet"),
        (lambda content: content["recordSet"][0]["field"].pop(1), "image and category"),
        (lambda content: content["distribution"][0].update({"@id": "other"}), "@id pad.csv"),
        (
            lambda content: content["distribution"][0].update(contentUrl="https://a.b/c.csv"),
            "on the web",
        ),
        (lambda content: content["distribution"][0].update(contentUrl="gone.csv"), "gone.csv"),
    ],
)
def test_a_file_that_cannot_serve_says_why(described, change, fact):
    content = json.loads(described.read_text())
    change(content)
    described.write_text(json.dumps(content))
    with pytest.raises(DataError, match=fact):
        read_manifest(described)


def test_names_of_folders_alone_give_no_collection_the_identity_of_a_set(tmp_path, monkeypatch):
    monkeypatch.setenv("MIMBENCH_DATA", str(tmp_path / "cache"))
    MINIATURES["msid"](tmp_path / "mine")
    names = []
    for k in (1, 2):
        write_croissant(str(tmp_path / "mine"), tmp_path / f"{k}.json")
        names.append(json.loads((tmp_path / f"{k}.json").read_text())["name"])
        remember("msid", tmp_path / "mine")
    assert names == ["mine", "MSID"]
