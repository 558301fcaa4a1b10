"""Any change below a folder is seen without reading its files, or else there is no state."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mimbench.data.folder_state import folder_state


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    (root / "mpox" / "empty").mkdir(parents=True)
    for name in ("mpox/1.png", "mpox/2.png", "mpox/.hidden", "metadata.csv"):
        (root / name).write_text(name)
    return root


def in_place(path: Path, text: str) -> None:
    """Write to a file until its time of change is another, and set back the time of its content."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    """Put another file of the same content, size and time in the place of a file."""
    before, new = path.stat(), path.with_name("new")
    new.write_text(path.read_text())
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "another size": lambda root: (root / "mpox/1.png").write_text("longer than before"),
    "the same size and time": lambda root: in_place(root / "mpox/1.png", "MPOX/1.PNG"),
    "another file with the same size and time": lambda root: replaced(root / "mpox/1.png"),
    "added": lambda root: (root / "mpox/3.png").write_text(""),
    "removed": lambda root: (root / "mpox/1.png").unlink(),
    "renamed": lambda root: (root / "mpox/1.png").rename(root / "mpox/0.png"),
    "in another folder": lambda root: (root / "mpox/1.png").rename(root / "1.png"),
    "a table": lambda root: in_place(root / "metadata.csv", "METADATA.CSV"),
    "hidden": lambda root: (root / "mpox/.hidden").unlink(),
    "an empty folder": lambda root: (root / "orf").mkdir(),
    "a folder that was empty": lambda root: (root / "mpox/empty").rmdir(),
    "a file in place of a folder": lambda root: (
        (root / "mpox/empty").rmdir(),
        (root / "mpox/empty").write_text(""),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_another_state(photos: Path, what: str) -> None:
    before = folder_state(photos)
    assert before is not None
    assert folder_state(photos) == before
    CHANGES[what](photos)
    after = folder_state(photos)
    assert after is not None
    assert after.digest != before.digest


def test_the_time_is_that_of_the_latest_change(photos: Path) -> None:
    state = folder_state(photos)
    assert state is not None
    stamps = [path.stat() for path in photos.rglob("*") if path.is_file()]
    assert state.changed == max(max(at.st_mtime_ns, at.st_ctime_ns) for at in stamps)


def test_a_link_to_a_file_is_what_it_leads_to(photos: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_text("same")
    link = photos / "mpox" / "link.png"
    link.symlink_to(tmp_path / "one")
    states = [folder_state(photos)]
    in_place(tmp_path / "one", "SAME")
    states.append(folder_state(photos))
    link.unlink()
    link.symlink_to(tmp_path / "other")
    states.append(folder_state(photos))
    assert None not in states
    assert len(set(states)) == len(states)


def test_a_folder_that_another_link_leads_to_is_another_one(photos: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    states = []
    for name in ("photos", "moved"):
        photos = photos.rename(tmp_path / name)
        link.unlink(missing_ok=True)
        link.symlink_to(photos)
        states.append(folder_state(link))
    assert None not in states
    assert states[0] != states[1]


@pytest.mark.parametrize("target", ["folder", "nothing"])
def test_what_a_link_to_a_folder_or_to_nothing_may_stand_for_is_not_known(
    photos: Path, tmp_path: Path, target: str
) -> None:
    (tmp_path / "folder").mkdir()
    (photos / "link").symlink_to(tmp_path / target)
    assert folder_state(photos) is None


def test_a_file_or_nothing_is_no_folder(photos: Path) -> None:
    assert folder_state(photos / "metadata.csv") is None
    assert folder_state(photos / "gone") is None
