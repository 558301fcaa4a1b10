"""Two files are never shown under one name, and each is found again by what is shown."""

import os
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from mimbench.data.dataset import survey
from mimbench.data.reading import file_names
from mimbench.data.reading.file_names import on_disk, shown


def test_what_is_shown_is_one_name_each_and_leads_back() -> None:
    parts = ["\\", "x", "e9", "5c", "\udce9", "é", "a"]
    names = {"".join(letters) for n in range(1, 6) for letters in product(parts, repeat=n)}
    told = {name: shown(name) for name in names}
    assert len(set(told.values())) == len(names)
    assert all(str(on_disk(text)) == name for name, text in told.items())


def test_a_byte_and_a_name_that_looks_like_it_are_two_files_and_both_are_read(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data" / "mpox"
    folder.mkdir(parents=True)
    names = [os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"]
    for level, name in enumerate(names):
        with (folder / name).open("wb") as file:
            Image.new("RGB", (40, 40), (9 * level, 0, 0)).save(file, "PNG")
    found = survey([str(tmp_path / "data")], size=32)
    assert {on_disk(path).name for path in found.table["path"]} == set(names)
    assert found.table["image_id"].nunique() == 2


def test_a_csv_file_names_both_as_they_are_written_or_shown(tmp_path: Path) -> None:
    for name in (os.fsdecode(b"one\xe9.png"), "two\\xe9.png"):
        with (tmp_path / name).open("wb") as file:
            Image.new("RGB", (40, 40)).save(file, "PNG")
    rows = ["one\\xe9.png,acne", "two\\xe9.png,acne", "two\\x5cxe9.png,acne"]
    (tmp_path / "list.csv").write_text("\n".join(["path,category", *rows]))
    found = survey([str(tmp_path / "list.csv")], size=32)
    names = [on_disk(path).name for path in found.table["path"]]
    assert names == [os.fsdecode(b"one\xe9.png"), "two\\xe9.png", "two\\xe9.png"]


def test_where_backslashes_divide_folders_a_path_is_shown_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_names, "_IN_NAMES", False)
    path = tmp_path / "data\\xe9foo.png"
    path.touch()
    assert shown(path) == str(path)
    assert on_disk(shown(path)) == path
