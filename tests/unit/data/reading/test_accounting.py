"""Every entry below a folder is read, rejected or left out, by all readers alike."""

import contextlib
import errno
import os
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from mimbench.cli.corrupt import corrupt_tree
from mimbench.cli.terminal.progress_bar import Display
from mimbench.data.dataset import Dataset, ImageOptions, gather, load, survey
from mimbench.data.reading.accounting import account, unread_files
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import LeftOut
from mimbench.errors import DataError

# Folders of categories: case twins, normalisation twins, any script, bytes that are no UTF-8.
FOLDERS = [
    "mpox",
    "Acne",
    "acne",
    "caf\u00e9",
    "cafe\u0301",
    "दाद",
    "दिद",
    "สิว",
    os.fsdecode(b"acn\xe9"),
    "deep/er/orf",
]
# Any letter, line ends, quotes, bytes that are no UTF-8.
NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
    | st.sampled_from([chr(0xDC80 + k) for k in (0, 0x69, 0x7F)]),
    min_size=1,
    max_size=12,
).filter(lambda name: name[0] not in ".~" and len(os.fsencode(name)) < 200)
# a byte that is no UTF-8, and names that look like how it is shown
NAMES |= st.sampled_from(["caf\udce9", "caf\\xe9", "caf\\x5cxe9"])
KINDS = [
    "image",
    "image",
    "image",
    "image without suffix",
    "broken",
    "empty",
    "forbidden",
    "text",
    "hidden",
    "fork",
    "backup",
    "pipe",
    "dangling",
    "link",
    "twin",
]
FOLDER_KINDS = ["hidden folder", "system folder", "empty folder", "linked", "loop"]


class Tree:
    """A folder that is filled, and how many entries it must be found to have."""

    def __init__(self, root: Path) -> None:
        self.root, self.count, self.forbidden = root, 0, set[Path]()
        self.images = set[Path]()

    def picture(self, path: Path) -> None:
        noise = np.random.default_rng(self.count).integers(0, 256, (34, 33, 3), dtype=np.uint8)
        with path.open("wb") as file:
            Image.fromarray(noise).save(file, "PNG")

    def add(self, kind: str, folder: str, name: str) -> None:
        place = self.root / folder
        place.mkdir(parents=True, exist_ok=True)
        path = place / {
            "image": f"{name}.png",
            "twin": f"{name}é.PNG",
            "broken": f"{name}.jpg",
            "empty": f"{name}.webp",
            "forbidden": f"{name}.gif",
            "text": f"{name}.txt",
            "hidden": f".{name}",
            "fork": f"._{name}.jpg",
            "backup": f"{name}.png~",
            "pipe": f"{name}.tif",
            "dangling": f"{name}.bmp",
            "link": f"{name}.link",
            "image without suffix": f"{name} photo",
        }.get(kind, name)
        if os.path.lexists(path):
            return
        if kind in ("image", "image without suffix", "forbidden", "twin", "backup", "fork"):
            self.picture(path)
        elif kind in ("broken", "text", "hidden"):
            path.write_bytes(b"\xff\xd8\xff no photo" if kind == "broken" else b"words")
        elif kind == "empty":
            path.touch()
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("nowhere" if kind == "dangling" else "x.png")
        self.count += 1
        if kind in ("image", "image without suffix", "twin"):
            self.images.add(path)
        if kind == "forbidden":
            self.forbidden.add(path)
        other = path.with_name(unicodedata.normalize("NFD", path.name))
        if kind == "twin" and not os.path.lexists(other):
            self.picture(other)
            self.count += 1
            self.images.add(other)

    def add_folder(self, kind: str, folder: str) -> None:
        place = self.root / folder
        place.mkdir(parents=True, exist_ok=True)
        if kind == "linked":
            store = self.root.with_name(f"store {self.count}")
            store.mkdir(exist_ok=True)
            self.picture(store / "1.png")
            (store / "words.txt").write_text("words")
            link = place / f"linked {self.count}"
            link.symlink_to(store)
            self.count += 2
            self.images.add(link / "1.png")
            return
        if kind == "loop" and not os.path.lexists(place / "up"):
            (place / "up").symlink_to(self.root)
            self.count += 1
            return
        name = {"hidden folder": ".git", "system folder": "__MACOSX", "empty folder": "none"}
        inside = place / name.get(kind, "none")
        if inside.exists() or kind == "loop":
            return
        inside.mkdir()
        if kind != "empty folder":
            self.picture(inside / "1.png")
            (inside / "2.txt").write_text("words")
            (inside / "away").symlink_to(self.root)
            self.count += 3


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    entries = draw(
        st.lists(
            st.tuples(st.sampled_from(KINDS), st.sampled_from(FOLDERS), NAMES),
            min_size=1,
            max_size=14,
        )
    )
    folders = draw(
        st.lists(
            st.tuples(st.sampled_from(FOLDER_KINDS), st.sampled_from(FOLDERS), st.just("")),
            max_size=3,
        )
    )
    return [*entries, *folders]


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Files that cannot be opened; tests may run as root, where permissions don't bind."""
    forbidden: set[Path] = set()
    for name in ("open", "read_bytes"):
        allowed = getattr(Path, name)

        def refused(path: Path, *args: object, allowed=allowed, **options: object) -> object:
            if path in forbidden:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return allowed(path, *args, **options)

        monkeypatch.setattr(Path, name, refused)
    return forbidden


def _entries(root: Path) -> Iterator[str]:
    """All entries below a folder that are no folders, links to folders not followed."""
    for folder, folders, names in os.walk(root):
        yield from (shown(Path(folder, name)) for name in names)
        yield from (
            shown(Path(folder, name)) for name in folders if Path(folder, name).is_symlink()
        )


def _check(found: Dataset, tree: Tree) -> None:
    files = found.accounting
    assert files.found == tree.count
    assert files.read == len(found.table)
    assert sum(found.unread["files"]) == files.rejected + sum(files.left_out.values())
    assert (found.unread["reason"] != "").all()
    told = {*found.table["path"], *found.unread["path"]}
    inside = [path for path in _entries(tree.root) if path not in told]
    together = found.unread.loc[found.unread["files"] > 1, "path"]
    for path in inside:  # a link that is followed, or in a folder whose files are left out together
        followed = any(name.startswith(f"{path}/") for name in told)
        assert followed or any(path.startswith(f"{folder}/") for folder in together), path
    assert str(files.found) in files.sentence
    assert files.sentence in found.notes


@given(trees())
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_reader_accounts_for_every_entry(tmp_path, forbid, entries):
    forbid.clear()
    shutil.rmtree(tmp_path)
    tree = Tree(tmp_path / "data")
    tree.root.mkdir(parents=True)
    for kind, folder, name in entries:
        if kind in FOLDER_KINDS:
            tree.add_folder(kind, folder)
        else:
            tree.add(kind, folder, name)
    forbid |= tree.forbidden
    if not tree.images:
        with pytest.raises(DataError, match=r"has no images|can be read"):
            survey([str(tree.root)], size=32)
        return
    seen = survey([str(tree.root)], size=32)
    assert seen.accounting.read == len(tree.images)
    assert set(map(on_disk, seen.table["path"])) == tree.images
    _check(seen, tree)
    options = ImageOptions(
        data=[str(tree.root)], target=seen.table["category"].iloc[0], canonical_size=32
    )
    for reader in (gather, load):
        with contextlib.suppress(DataError):  # a category without any image that can be read
            _check(reader(options), tree)
    out = tmp_path / "out"
    made = corrupt_tree(tree.root, out, "tour", [5], 0, 1, Display(Console(quiet=True), quiet=True))
    assert made.accounting == seen.accounting
    assert made.unread["path"].tolist() == seen.unread["path"].tolist()
    assert len(list((out / "jpeg_compression" / "5").rglob("*.png"))) == len(tree.images)


def test_an_account_is_a_line_and_a_table():
    left_out = [LeftOut("a/.git", "in a hidden folder", files=7), LeftOut("a/b.txt", "no image")]
    files = account(5, 1, left_out)
    assert files.found == 14
    for fact in ("14 files", "5 read", "1 rejected", "8 left out", "in a hidden folder 7"):
        assert fact in files.sentence
    assert files.as_json()["left_out_because"] == {"in a hidden folder": 7, "no image": 1}
    table = unread_files([("a/c.jpg", "the file is empty")], left_out)
    assert table["what"].tolist() == ["rejected", "left out", "left out"]
    assert table["files"].tolist() == [1, 7, 1]
