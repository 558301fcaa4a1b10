"""Generated pictures that an earlier run drew."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mimbench.data.generated import kept
from mimbench.data.generated.kept import kept_pictures

TABLE = pd.DataFrame(
    {"image_id": [f"{number:064x}" for number in range(60)], "seed": 0, "index": range(60)}
)


class Painter:
    """Draws pictures of one grey level each, and counts them."""

    def __init__(self, brighter: int = 0) -> None:
        self.brighter, self.drawn = brighter, 0

    def render(self, table: pd.DataFrame, size: int = 64) -> np.ndarray:
        self.drawn += len(table)
        levels = (table["index"].to_numpy() + self.brighter).astype(np.uint8)
        return np.broadcast_to(levels[:, None, None, None], (len(table), size, size, 3)).copy()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mimbench" / "pictures"


def test_pictures_are_drawn_once_and_read_back_the_same() -> None:
    first, second = Painter(), Painter()
    drawn = kept_pictures(first.render, TABLE, 32)
    again = kept_pictures(second.render, TABLE, 32)
    assert np.array_equal(again, drawn)
    assert (first.drawn, second.drawn) == (60, kept.TRIED)


def test_another_size_or_other_images_are_drawn() -> None:
    kept_pictures(Painter().render, TABLE, 32)
    assert kept_pictures(Painter().render, TABLE, 48).shape == (60, 48, 48, 3)
    other = Painter()
    kept_pictures(other.render, TABLE.iloc[::-1], 32)
    assert other.drawn == 60


def test_pictures_that_this_machine_draws_otherwise_are_drawn_again() -> None:
    kept_pictures(Painter().render, TABLE, 32)
    changed = Painter(brighter=1)
    assert kept_pictures(changed.render, TABLE, 32)[0, 0, 0, 0] == 1
    assert changed.drawn == kept.TRIED + 60


def test_a_damaged_file_is_drawn_again(folder: Path) -> None:
    kept_pictures(Painter().render, TABLE, 32)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:500])
    painter = Painter()
    assert kept_pictures(painter.render, TABLE, 32)[59, 0, 0, 0] == 59
    assert painter.drawn == 60


def test_a_picture_that_was_damaged_in_the_middle_is_drawn_again(folder: Path) -> None:
    kept_pictures(Painter().render, TABLE, 32)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    painter = Painter()
    assert kept_pictures(painter.render, TABLE, 32)[:, 0, 0, 0].tolist() == list(range(60))
    assert painter.drawn == 60


def test_a_user_without_a_home_gets_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    painter = Painter()
    assert len(kept_pictures(painter.render, TABLE, 32)) == painter.drawn == 60


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(folder: Path) -> None:
    folder.parent.write_text("in the way")
    painter = Painter()
    assert len(kept_pictures(painter.render, TABLE, 32)) == painter.drawn == 60


def test_files_that_were_not_used_for_long_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 450_000)
    for size in (32, 33, 34):  # 184 to 208 kB each
        kept_pictures(Painter().render, TABLE, size)
    assert len(list(folder.iterdir())) == 2
    newest = Painter()
    kept_pictures(newest.render, TABLE, 34)
    assert newest.drawn == kept.TRIED
