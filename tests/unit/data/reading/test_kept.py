"""Pictures that an earlier process made are used as long as they would be made so again."""

import errno
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from mimbench.data.reading import kept
from mimbench.data.reading.kept import Entry, Maker, kept_pictures

COUNT = 60


class Painter:
    """Makes pictures of one grey level each, and counts them."""

    def __init__(self, brighter: int = 0, size: int = 32, fails_at: int = COUNT) -> None:
        self.brighter, self.size, self.made, self.fails_at = brighter, size, 0, fails_at

    def make(self, start: int, stop: int) -> tuple[np.ndarray, list[Entry]]:
        if stop > self.fails_at:
            raise KeyboardInterrupt
        self.made += stop - start
        levels = np.arange(start, stop, dtype=np.uint8) + np.uint8(self.brighter)
        shape = stop - start, self.size, self.size, 3
        entries = [{"level": np.float32(level) / 3} for level in levels.tolist()]
        return np.broadcast_to(levels[:, None, None, None], shape).copy(), entries

    def same(self, start: int, stop: int, pixels: np.ndarray, entries: list[Entry]) -> bool:
        return bool(pixels[0, 0, 0, 0] == start + self.brighter)

    def pictures(self, names: str = "abc") -> tuple[np.ndarray, list[Entry]]:
        shape = COUNT, self.size, self.size, 3
        return kept_pictures(Maker(shape, [str(self.size), *names], self.make, self.same))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MIMBENCH_PICTURES", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kept, "CHUNK", 16)
    return tmp_path / "mimbench" / "pictures"


def array(folder: Path) -> Path:
    (path,) = folder.glob("*.npy")
    return path


def test_pictures_are_made_once_and_mapped_from_a_file_that_only_the_user_reads(
    folder: Path,
) -> None:
    first, second = Painter(), Painter()
    made, entries = first.pictures()
    again, known = second.pictures()
    assert np.array_equal(again, made)
    assert made[:, 0, 0, 0].tolist() == list(range(COUNT))
    assert (first.made, second.made) == (COUNT, 0)
    assert entries == known == [{"level": float(np.float32(k) / 3)} for k in range(COUNT)]
    assert not again.flags.writeable
    assert isinstance(again.base, np.memmap)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_other_pictures_and_other_sizes_have_files_of_their_own() -> None:
    Painter().pictures()
    other, larger = Painter(), Painter(size=48)
    other.pictures("abd")
    assert larger.pictures()[0].shape == (COUNT, 48, 48, 3)
    assert (other.made, larger.made) == (COUNT, COUNT)


def test_what_would_be_made_otherwise_is_made_again_and_who_has_it_mapped_keeps_it() -> None:
    before, _ = Painter().pictures()
    changed = Painter(brighter=1)
    after, _ = changed.pictures()
    assert after[0, 0, 0, 0] == 1
    assert before[0, 0, 0, 0] == 0
    assert changed.made == COUNT


def test_a_killed_process_leaves_what_it_has_made(folder: Path) -> None:
    killed, next_one = Painter(fails_at=40), Painter()
    with pytest.raises(KeyboardInterrupt):
        killed.pictures()
    (lines,) = folder.glob("*.jsonl")
    lines.write_text(lines.read_text("utf-8") + '{"start": 32, "dig', "utf-8")
    pixels, _ = next_one.pictures()
    assert pixels[:, 0, 0, 0].tolist() == list(range(COUNT))
    assert (killed.made, next_one.made) == (32, COUNT - 32)
    assert not list(folder.glob("*.partial.*"))


@pytest.mark.parametrize("at", [0.0, 0.3, 0.9])
def test_a_damaged_chunk_is_made_again_and_no_other(folder: Path, at: float) -> None:
    Painter().pictures()
    content = bytearray(array(folder).read_bytes())
    content[128 + int(at * (len(content) - 128))] ^= 255
    array(folder).write_bytes(content)
    painter = Painter()
    assert painter.pictures()[0][:, 0, 0, 0].tolist() == list(range(COUNT))
    assert 12 <= painter.made <= 16


def test_a_changed_entry_is_made_again(folder: Path) -> None:
    Painter().pictures()
    (path,) = folder.glob("*.jsonl")
    chunks = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    chunks[1]["entries"][0]["level"] += 1
    path.write_text("\n".join(map(json.dumps, chunks)), "utf-8")
    painter = Painter()
    assert painter.pictures()[1][16] == {"level": float(np.float32(16) / 3)}
    assert painter.made == 16


def test_a_file_cut_short_is_made_again(folder: Path) -> None:
    Painter().pictures()
    array(folder).write_bytes(array(folder).read_bytes()[:500])
    painter = Painter()
    assert painter.pictures()[0][-1, 0, 0, 0] == COUNT - 1
    assert painter.made == COUNT


def test_a_cache_that_cannot_be_used_costs_nothing_but_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.parent.write_text("in the way")
    painter = Painter()
    assert len(painter.pictures()[0]) == painter.made == COUNT
    folder.parent.unlink()
    monkeypatch.setenv("MIMBENCH_PICTURES", "none")
    assert len(Painter().pictures()[0]) == COUNT
    assert not folder.exists(), "photos stay where they are"
    monkeypatch.delenv("MIMBENCH_PICTURES")
    monkeypatch.setattr(kept, "MOST_BYTES", 1000)
    painter = Painter()
    assert len(painter.pictures()[0]) == painter.made == COUNT

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert len(Painter().pictures()[0]) == COUNT


def test_files_that_were_not_used_for_long_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 450_000)
    for size in (32, 33, 34):  # 184 to 208 kB each
        Painter(size=size).pictures()
    assert len(list(folder.glob("*.npy"))) == len(list(folder.glob("*.jsonl"))) == 2
    newest = Painter(size=34)
    newest.pictures()
    assert newest.made == 0


def test_files_and_rights_of_a_folder_that_the_user_names_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "features"
    named.mkdir(mode=0o755)
    theirs = [named / "mine.npy", named / "mine.partial.zip"]
    for path in theirs:
        path.write_bytes(bytes(2_000_000))
        os.utime(path, (0, 0))
    monkeypatch.setenv("MIMBENCH_PICTURES", str(named))
    monkeypatch.setattr(kept, "MOST_BYTES", 450_000)
    for size in (32, 33, 34):
        Painter(size=size).pictures()
    assert all(path.exists() for path in theirs)
    assert named.stat().st_mode & 0o777 == 0o755
    assert list(named.glob("mimbench-pictures/*.npy"))


def test_pictures_are_removed_after_a_month_without_use(folder: Path) -> None:
    Painter(size=33).pictures()
    for path in folder.iterdir():
        os.utime(path, (time.time() - 31 * kept.DAY,) * 2)
    Painter(size=32).pictures()
    sides = [np.load(path).shape[1] for path in folder.glob("*.npy")]
    assert sides == [32]
    assert len(list(folder.glob("*.jsonl"))) == 1


def test_more_than_may_be_kept_removes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Painter(size=32).pictures()
    monkeypatch.setattr(kept, "MOST_BYTES", 200_000)
    Painter(size=48).pictures()
    again = Painter(size=32)
    again.pictures()
    assert again.made == 0


def test_a_disk_without_room_costs_nothing_but_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    painter = Painter()
    assert len(painter.pictures()[0]) == painter.made == COUNT
    assert not list(folder.glob("*.npy"))
