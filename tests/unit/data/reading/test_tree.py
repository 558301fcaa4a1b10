"""Every entry below a folder is an image, rejected or left out with a reason; none is lost."""

import errno
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions, load, survey
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import list_files
from mimbench.errors import DataError


def _refuse(monkeypatch: pytest.MonkeyPatch, function: str, folder: Path) -> None:
    """Let a function of `os` fail below a folder, as without permission; tests may run as root."""
    allowed = getattr(os, function)

    def refused(path: str | Path, *args: object, **options: object) -> object:
        if Path(path) == folder or folder in Path(path).parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return allowed(path, *args, **options)

    monkeypatch.setattr(os, function, refused)


def test_a_folder_that_cannot_be_opened_is_an_error_that_names_it(tree, monkeypatch):
    root = tree(["mpox/1.png", "acne/1.png"])
    _refuse(monkeypatch, "scandir", root / "acne")
    with pytest.raises(DataError, match=r"acne cannot be opened: Permission denied"):
        survey([str(root)])


def test_a_place_that_may_not_be_entered_is_an_error_that_names_it(tree, monkeypatch):
    root = tree(["locked/mpox/1.png"])
    _refuse(monkeypatch, "stat", root / "locked")
    with pytest.raises(DataError, match=r"locked cannot be opened: Permission denied"):
        survey([str(root / "locked")])


def test_files_that_may_not_be_looked_at_are_rejected_by_name(tree, monkeypatch):
    root = tree(["mpox/1.png", "acne/1.png"])
    (root / "acne" / "2.txt").write_text("acne")
    _refuse(monkeypatch, "stat", root / "acne")
    listing = list_files(root)
    assert [path.name for path in listing.images] == ["1.png"]
    assert {Path(path).name for path, _ in listing.rejected} == {"1.png", "2.txt"}
    assert all("Permission denied" in reason for _, reason in listing.rejected)


def test_a_file_without_suffix_that_cannot_be_opened_is_rejected_not_left_out(tree, monkeypatch):
    root = tree(["mpox/1.png"])
    (root / "mpox" / "photo").write_bytes((root / "mpox" / "1.png").read_bytes())
    allowed = Path.open

    def refused(path: Path, *args: object, **options: object) -> object:
        if path.name == "photo":
            raise PermissionError(errno.EACCES, "Permission denied")
        return allowed(path, *args, **options)

    monkeypatch.setattr(Path, "open", refused)
    ((path, reason),) = list_files(root).rejected
    assert path.endswith("photo")
    assert "Permission denied" in reason


@pytest.mark.parametrize("left", [".DS_Store", "Thumbs.db", "._1.jpg", ".git/config", None])
def test_a_category_that_looks_empty_is_named_and_a_run_refuses_it(tree, left):
    root = tree(["mpox/1.png", "acne/1.png"])
    (root / "measles").mkdir()
    if left is not None:
        (root / "measles" / left).parent.mkdir(exist_ok=True)
        (root / "measles" / left).write_bytes(bytes(10))
    notes = survey([str(root)], size=32).notes
    assert any("measles" in note and "no image" in note for note in notes)
    with pytest.raises(DataError, match=r"measles has no image.*remove it"):
        load(ImageOptions(data=[str(root)], canonical_size=32))


def test_a_folder_of_other_files_is_named_and_a_run_goes_on(tree):
    root = tree(["mpox/1.png", "acne/1.png"])
    (root / "documents" / "old").mkdir(parents=True)
    (root / "documents" / "old" / "protocol.txt").write_text("read me")
    found = load(ImageOptions(data=[str(root)], canonical_size=32))
    named = [note for note in found.notes if "documents" in note]
    assert any("protocol.txt" in note for note in named)
    assert found.accounting.left_out == {"no image": 1}


def test_what_systems_and_editors_leave_behind_is_no_image(tree):
    root = tree(["acne/1.png"])
    photo = (root / "acne" / "1.png").read_bytes()
    left = [
        "acne/.DS_Store",
        "acne/._1.png",
        "acne/Thumbs.db",
        "acne/THUMBS.DB",
        "acne/desktop.ini",
        "acne/1.png~",
        "acne/.ipynb_checkpoints/1-checkpoint.png",
        "__MACOSX/acne/._1.png",
        "@eaDir/1.png/thumb.png",
        ".git/objects/aa/photo.png",
    ]
    for name in left:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(photo)
    listing = list_files(root)
    assert [path.name for path in listing.images] == ["1.png"]
    assert sum(entry.files for entry in listing.left_out) == len(left)
    assert listing.without_images == ()


def test_linked_folders_and_files_are_read_and_broken_links_are_rejected(tree, tmp_path):
    root = tree(["store/mpox/1.png", "store/measles/1.png"])
    data = tmp_path / "data"
    (data / "measles").mkdir(parents=True)
    (data / "mpox").symlink_to(root / "store" / "mpox")
    (data / "measles" / "a.png").symlink_to(root / "store" / "measles" / "1.png")
    (data / "rosacea").symlink_to(root / "gone")
    (data / "measles" / "self").symlink_to(data / "measles" / "self")
    listing = list_files(data)
    assert [path.relative_to(data).as_posix() for path in listing.images] == [
        "measles/a.png",
        "mpox/1.png",
    ]
    reasons = {Path(path).name: reason for path, reason in listing.rejected}
    assert set(reasons) == {"rosacea", "self"}
    assert str(root / "gone") in reasons["rosacea"]


def test_where_all_links_are_broken_the_reason_is_in_the_error(tmp_path):
    (tmp_path / "mpox").symlink_to("../moved/mpox")
    with pytest.raises(DataError, match=r"no images.*mpox: a link to \.\./moved/mpox, which does"):
        survey([str(tmp_path)])


def test_one_folder_under_two_category_names_is_refused_like_one_file(tree):
    root = tree(["mpox/1.png", "eczema/1.png"])
    (root / "also_eczema").symlink_to(root / "eczema")
    with pytest.raises(DataError, match=r"also_eczema.*eczema.*same file"):
        load(ImageOptions(data=[str(root)], canonical_size=32))


@pytest.fixture
def nest(monkeypatch) -> Iterator[Callable[[Path, str, int], None]]:
    """Make folders in one another, each of one name; Python itself cannot remove very many."""
    made = []

    def nested(folder: Path, name: str, levels: int) -> None:
        made.append(folder / name)
        monkeypatch.chdir(folder)
        for _ in range(levels):
            Path(name).mkdir()
            os.chdir(name)

    yield nested
    subprocess.run(["rm", "-rf", *made], check=True)


def test_a_tree_of_any_depth_is_read_in_time_that_grows_with_its_depth(tree, nest, monkeypatch):
    root = tree(["mpox/1.png", ".git/1.png"])
    content = (root / "mpox" / "1.png").read_bytes()
    for folder in ("mpox", ".git"):
        nest(root / folder, "d", 1200)
        Path("x.png").write_bytes(content)
    looked = Counter[str]()
    allowed = os.lstat

    def counted(path: str | Path, *args: object, **options: object) -> object:
        looked[str(path)] += 1
        return allowed(path, *args, **options)

    monkeypatch.setattr(os, "lstat", counted)
    listing = list_files(root)
    assert [len(path.relative_to(root).parts) for path in listing.images] == [2, 1202]
    assert [(entry.kind, entry.files) for entry in listing.left_out] == [("in a hidden folder", 2)]
    assert looked.total() < 1200


def test_a_folder_that_is_deeper_than_the_system_can_name_is_one_sentence(tree, nest):
    root = tree(["mpox/1.png"])
    nest(root / "mpox", "d" * 200, 25)
    with pytest.raises(DataError, match="cannot be opened: File name too long"):
        list_files(root)


@pytest.mark.parametrize("form", ["BMP", "PPM", "JPEG2000", "WEBP", "AVIF", "GIF", "TIFF", "JPEG"])
def test_a_photo_of_any_format_is_known_by_its_content(tree, form):
    root = tree(["mpox/1.png"])
    with Image.open(root / "mpox" / "1.png") as picture:
        picture.save(root / "mpox" / "photo.dat", form)
    for k, text in enumerate((b"P3 patients", b"P1\nnotes", b"BMW and more words", b"PK\3\4")):
        (root / "mpox" / f"{k}.dat").write_bytes(text)
    listing = list_files(root)
    assert [path.name for path in listing.images] == ["1.png", "photo.dat"]
    assert {entry.kind for entry in listing.left_out} == {"no image"}


def test_a_codestream_of_jpeg_2000_without_its_box_is_known_too(tree):
    root = tree(["mpox/1.png"])
    with Image.open(root / "mpox" / "1.png") as picture:
        picture.save(root / "mpox" / "photo.j2k", "JPEG2000")
    (root / "mpox" / "photo.j2k").rename(root / "mpox" / "photo")
    assert [path.name for path in list_files(root).images] == ["1.png", "photo"]


def test_a_folder_is_read_by_its_own_path_and_not_again_through_a_link(tree):
    root = tree(["v2/acne/1.png", "v2/mpox/1.png"])
    (root / "latest").symlink_to(root / "v2")
    listing = list_files(root)
    assert [path.parts[-3] for path in listing.images] == ["v2", "v2"]
    assert sum(entry.files for entry in listing.left_out) == 2


def test_names_that_are_no_utf8_are_read_under_an_escaped_name(tree):
    root = tree(["mpox/1.png"])
    folder = root / os.fsdecode(b"acn\xe9")
    folder.mkdir()
    shutil.copy(root / "mpox" / "1.png", folder / os.fsdecode(b"caf\xe9.png"))
    table = survey([str(root)], size=32).table
    assert sorted(table["category"]) == ["acn_xe9", "mpox"]
    path = next(path for path in table["path"] if path.endswith(r"caf\xe9.png"))
    assert on_disk(path).read_bytes() == (root / "mpox" / "1.png").read_bytes()
    assert shown(on_disk(path)) == path


def test_a_csv_that_names_a_pipe_does_not_wait_for_it(tree):
    root = tree(["acne/1.png"])
    os.mkfifo(root / "acne" / "pipe.png")
    (root / "list.csv").write_text("path,category\nacne/1.png,a\nacne/pipe.png,a\nacne,a\n")
    rejected = survey([str(root / "list.csv")], size=32).rejected
    assert [reason.split(",")[0] for reason in rejected["reason"]] == [
        "a pipe",
        "a folder",
    ]
    os.mkfifo(root / "list of images.csv")
    with pytest.raises(DataError, match="not a folder or a regular file"):
        survey([str(root / "list of images.csv")])


def test_images_beside_a_manifest_that_it_does_not_name_are_left_out(tree):
    root = tree(["x/1.png", "x/2.png", "x/._3.png"])
    (root / "manifest.csv").write_text("path,category\nx/1.png,acne\nx/._3.png,acne\n")
    found = survey([str(root)], size=32)
    assert sorted(Path(path).name for path in found.table["path"]) == ["._3.png", "1.png"]
    assert {Path(entry.path).name: entry.kind for entry in found.left_out} == {
        "2.png": "not in manifest.csv",
        "manifest.csv": "list of the images",
    }
