"""Corrupting folders: the tree is kept, a second call continues, processes change nothing."""

import hashlib
import os
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimbench import corruptions
from mimbench.corruptions.folder import RECORD, FolderReport, Reader, corrupt_folder
from mimbench.corruptions.sheet import suite_pictures
from mimbench.corruptions.suites import parse
from mimbench.data.reading.decoding import read_whole, share_memory
from mimbench.data.reading.tree import list_files
from mimbench.errors import CorruptionError, OutputError

SUITE = parse(
    {"name": "two", "description": "Two.", "corruptions": ["fog", "impulse_noise"]}, "two.toml"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name, size in {"a.png": (40, 60), "x/b.JPG": (50, 33), "x/y/c.bmp": (64, 64)}.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    return tmp_path / "in"


def corrupt(source: Path, target: Path, **options: object) -> FolderReport:
    images = [path.relative_to(source) for path in list_files(source).images]
    return corrupt_folder(
        source, images, target, SUITE, Reader(read_whole, share_memory), **options
    )


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.png")
    }


def test_the_tree_is_kept_under_each_condition(source: Path, tmp_path: Path) -> None:
    report = corrupt(source, tmp_path / "out", severities=[2, 4])
    assert (report.written, report.kept, report.rejected) == (12, 0, ())
    for name in ("a", "x/b", "x/y/c"):
        for condition in ("fog/2", "fog/4", "impulse_noise/2", "impulse_noise/4"):
            assert (tmp_path / "out" / condition / f"{name}.png").is_file()
    clean = np.asarray(Image.open(source / "x/y/c.bmp"))
    foggy = np.asarray(Image.open(tmp_path / "out/fog/4/x/y/c.png"))
    assert foggy.shape == clean.shape
    assert foggy.std() < 0.8 * clean.std()


def test_several_processes_and_other_folders_change_nothing(source: Path, tmp_path: Path) -> None:
    steps = []
    corrupt(source, tmp_path / "one", severities=[1])
    corrupt(
        source,
        tmp_path / "two",
        severities=[1],
        processes=2,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert steps == [(1, 3), (2, 3), (3, 3)]
    corrupt(source, tmp_path / "other seed", severities=[1], seed=1)
    assert hashes(tmp_path / "one") != hashes(tmp_path / "other seed")


def test_a_second_call_makes_only_what_is_missing(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    corrupt(source, out, severities=[3])
    before = hashes(out)
    (out / "fog/3/x/b.png").unlink()
    later = (source / "a.png").stat().st_mtime + 10
    os.utime(source / "a.png", (later, later))
    report = corrupt(source, out, severities=[3])
    assert (report.written, report.kept) == (1, 5)
    assert hashes(out) == before


def test_a_replaced_image_is_corrupted_anew_whatever_its_date(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    corrupt(source, out, severities=[3])
    before = hashes(out)
    shutil.copy(source / "x/b.JPG", source / "a.png")
    os.utime(source / "a.png", (0, 0))
    report = corrupt(source, out, severities=[3])
    assert (report.written, report.kept) == (2, 4)
    after = hashes(out)
    assert after["fog/3/a.png"] != before["fog/3/a.png"]
    fresh = tmp_path / "fresh"
    corrupt(source, fresh, severities=[3])
    assert hashes(fresh) == after


def test_pictures_of_images_that_are_gone_or_broken_are_named_not_deleted(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    corrupt(source, out, severities=[3])
    (source / "a.png").unlink()
    (source / "x/y/c.bmp").write_bytes(b"no image any more")
    report = corrupt(source, out, severities=[3])
    assert {path.as_posix() for path in report.orphans} == {
        "fog/3/a.png",
        "fog/3/x/y/c.png",
        "impulse_noise/3/a.png",
        "impulse_noise/3/x/y/c.png",
    }
    assert all((out / path).is_file() for path in report.orphans)


def test_images_of_one_name_keep_their_suffixes(source: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(source / "a.bmp")
    report = corrupt(source, tmp_path / "out", severities=[1])
    assert report.written == 8
    names = {path.name for path in (tmp_path / "out/fog/1").iterdir()}
    assert names == {"a.bmp.png", "a.png.png", "x"}
    Image.new("RGB", (40, 40)).save(source / "a.png.bmp")
    Image.new("RGB", (40, 41)).save(source / "a.bmp.png")
    with pytest.raises(CorruptionError, match=r"both become a\.bmp\.png"):
        corrupt(source, tmp_path / "out", severities=[1])


def test_unusable_images_are_listed_and_the_others_written(source: Path, tmp_path: Path) -> None:
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    Image.new("RGB", (20, 50)).save(source / "tiny.png")
    report = corrupt(source, tmp_path / "out", severities=[1])
    assert report.written == 6
    reasons = dict(report.rejected)
    assert "image format" in reasons[Path("broken.jpg")]
    assert "at least 32 pixels" in reasons[Path("tiny.png")]


def test_wrong_folders_are_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="lies in"):
        corrupt(source, source / "out")
    corrupt(source, tmp_path / "out", severities=[1])
    with pytest.raises(OutputError, match=f"another suite, version or seed \\({RECORD}\\)"):
        corrupt(source, tmp_path / "out", severities=[1], seed=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        corrupt(source, tmp_path / "file")
    with pytest.raises(CorruptionError, match="1 to 5 for 'two', not 6"):
        corrupt(source, tmp_path / "out", severities=[1, 6])


def test_a_sheet_has_a_row_per_corruption() -> None:
    path = Path(__file__).parents[3] / "corruptions" / "quick.toml"
    quick = parse(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    image = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    pictures, labels, columns = suite_pictures(image, quick, key=9)
    assert columns == 4
    assert labels[4:8] == ["clean", "motion_blur 1", "motion_blur 3", "motion_blur 5"]
    np.testing.assert_array_equal(pictures[4], image)
    blurred = corruptions.apply(image[None], "motion_blur", 5, [9])[0]
    np.testing.assert_array_equal(pictures[7], blurred)


def test_pictures_go_into_a_folder_of_their_own(source: Path, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir()
    (out / "rejected.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"not empty.*rejected\.csv"):
        corrupt(source, out, severities=[1])
    assert (out / "rejected.csv").read_text() == "mine"
    (out / "rejected.csv").unlink()
    (out / "fog").symlink_to(elsewhere)
    with pytest.raises(OutputError, match="fog is a symbolic link"):
        corrupt(source, out, severities=[1])
    (out / "fog").unlink()
    (out / RECORD).symlink_to(elsewhere / "new.json")
    with pytest.raises(OutputError, match=f"{RECORD} is a symbolic link"):
        corrupt(source, out, severities=[1])
    assert list(elsewhere.iterdir()) == []
