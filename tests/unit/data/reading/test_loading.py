"""Files are decoded once as long as they hold what they held."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mimbench.data.generated import abnormal
from mimbench.data.reading import kept, loading
from mimbench.data.reading.decoding import Photo, read_photos
from mimbench.data.reading.loading import Pictures, read_pictures


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Five files, one of which is no image, and generated pictures."""
    monkeypatch.setenv("MIMBENCH_PICTURES", str(tmp_path))
    monkeypatch.setattr(kept, "FEWEST", 1)
    generator = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path in paths:
        Image.fromarray(generator.integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(path)
    paths[1].write_bytes(b"no image")
    files = pd.DataFrame({"path": list(map(str, paths)), "dataset": "d", "category": "mpox"})
    drawn = abnormal.table(per_kind=1, seed=0).assign(dataset="generated", path="")
    return pd.concat([files, drawn], ignore_index=True)


def same(first: Pictures, second: Pictures) -> None:
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.keep, second.keep)
    assert first.reasons == second.reasons
    assert first.notes == second.notes
    pd.testing.assert_frame_equal(first.files, second.files, check_exact=True)
    pd.testing.assert_frame_equal(first.facts, second.facts, check_exact=True)


def test_what_is_read_again_is_what_was_decoded(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "FEWEST", 1000)
    decoded = read_pictures(table, 32)
    assert (decoded.keep.sum(), len(decoded.reasons)) == (len(table) - 1, 1)
    monkeypatch.setattr(kept, "FEWEST", 1)
    same(decoded, read_pictures(table, 32))
    decodes: list[str] = []

    def counted(paths: list[Path], *options: object) -> list[Photo | str]:
        decodes.extend(path.name for path in paths)
        return read_photos(paths, *options)

    monkeypatch.setattr(loading, "read_photos", counted)
    same(decoded, read_pictures(table, 32))
    assert decodes == ["1.png"], "what could not be read is tried again, the others are not"

    (tmp_path / "1.png").write_bytes((tmp_path / "2.png").read_bytes())
    changed = read_pictures(table, 32)
    assert changed.keep.all(), "a file of the same name with other content is read again"
    np.testing.assert_array_equal(changed.pixels[1], changed.pixels[2])


def test_a_file_is_read_once_the_cause_is_gone(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short_of_memory(paths: list[Path], *options: object) -> list[Photo | str]:
        _, *others = read_photos(paths, *options)
        return ["broken image: MemoryError", *others]

    with monkeypatch.context() as patch:
        patch.setattr(loading, "read_photos", short_of_memory)
        assert not read_pictures(table, 32).keep[0]
    assert read_pictures(table, 32).keep[0]


@pytest.mark.parametrize("harmonise", [False, True])
def test_pictures_that_this_machine_draws_otherwise_are_drawn_again(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, harmonise: bool
) -> None:
    before = read_pictures(table, 32, harmonise)

    def otherwise(rows: pd.DataFrame, size: int) -> np.ndarray:
        return 255 - render(rows, size)

    render = abnormal.render
    monkeypatch.setattr(abnormal, "render", otherwise)
    after = read_pictures(table, 32, harmonise)
    drawn = (table["path"] == "").to_numpy()[before.keep]
    assert (before.pixels[drawn] != after.pixels[drawn]).mean() > 0.5
    np.testing.assert_array_equal(before.pixels[~drawn], after.pixels[~drawn])
