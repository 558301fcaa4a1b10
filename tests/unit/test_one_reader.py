"""Every command reads, rejects and leaves out the same files of one odd folder."""

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mimbench.cli import main
from mimbench.data.reading.file_names import on_disk, shown

Command = Callable[..., dict]

SOUND = {  # name -> format, mode
    "a.PNG": ("PNG", "RGB"),
    "b.jfif": ("JPEG", "RGB"),
    "c.gif": ("GIF", "P"),
    "d.bmp": ("BMP", "RGB"),
    "e.webp": ("WEBP", "RGBA"),
    "f.jp2": ("JPEG2000", "RGB"),
    "g.ppm": ("PPM", "RGB"),
    "h.jpg": ("PNG", "LA"),
    "i": ("JPEG", "CMYK"),
    "j.tif": ("TIFF", "I;16"),
    "j.png": ("PNG", "I;16"),
    "k.png": ("PNG", "P"),
    os.fsdecode(b"caf\xe9.png"): ("PNG", "RGB"),
    "图片\n01.png": ("PNG", "RGB"),
}
REJECTED = {
    "empty.jpg": "empty",
    "cut.png": "broken",
    "float.tif": "floating-point",
    "photo.heic": "HEIC",
    "page.jpg": "image format",
    "postscript.png": "image format",
    "gone.png": "link to",
    "gone": "link to",
}
LEFT_OUT = {
    "drawing.eps": "no image",
    "notes.txt": "no image",
    ".DS_Store": "hidden file",
    "._a.png": "hidden file",
    "Thumbs.db": "hidden file",
    "a.png~": "backup copy",
    "pipe.png": "pipe, socket or device",
    "up": "link to a folder above",
    "__MACOSX": "in a system folder",
    ".git": "in a hidden folder",
}


def _picture(form: str, mode: str, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (40, 44), dtype=np.uint16))
    else:
        noise = rng.integers(0, 256, (40, 44, 3), dtype=np.uint8)
        image = Image.fromarray(noise).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    data, store = root / "data", root / "store"
    mpox = data / "mpox"
    mpox.mkdir(parents=True)
    store.mkdir()
    for seed, (name, (form, mode)) in enumerate(SOUND.items()):
        (mpox / name).write_bytes(_picture(form, mode, seed))
    for seed in range(5):
        (store / f"{seed}.png").write_bytes(_picture("PNG", "RGB", 100 + seed))
    (data / "acne").symlink_to(store)
    (mpox / "linked.png").symlink_to(root / "one.png")
    (root / "one.png").write_bytes(_picture("PNG", "RGB", 200))
    (mpox / "empty.jpg").touch()
    (mpox / "cut.png").write_bytes(_picture("PNG", "RGB", 300)[:900])
    Image.fromarray(np.zeros((40, 40), dtype=np.float32)).save(mpox / "float.tif")
    (mpox / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(500))
    (mpox / "page.jpg").write_text("<!doctype html><title>404</title>")
    for name in ("postscript.png", "drawing.eps"):
        (mpox / name).write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n")
    (mpox / "gone.png").symlink_to(root / "nowhere.png")
    (data / "gone").symlink_to(root / "nowhere")
    for name in ("notes.txt", ".DS_Store", "._a.png", "Thumbs.db", "a.png~"):
        (mpox / name).write_bytes(_picture("PNG", "RGB", 400) if "a.png" in name else bytes(20))
    os.mkfifo(mpox / "pipe.png")
    (mpox / "up").symlink_to(data)
    for folder in (data / "__MACOSX" / "mpox", data / ".git"):
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(_picture("PNG", "RGB", 500))
    return data


@pytest.fixture
def mimbench(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command with --json; returns what it printed."""

    def run(*arguments: object) -> dict:
        monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, arguments), "--json"])
        code = main()
        printed = capfd.readouterr()
        assert code in (0, 1), printed.err
        return json.loads(printed.out)

    return run


def _unread(folder: Path) -> list[dict]:
    return pd.read_csv(folder / "rejected.csv", keep_default_na=False).to_dict("records")


def _names(paths: list[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def test_every_command_reads_and_rejects_the_same(
    odd: Path, mimbench: Command, finished_run: Path, plugin: Path, tmp_path: Path
) -> None:
    read = sorted([*map(shown, SOUND), "linked.png", *(f"{k}.png" for k in range(5))])
    quick = ("--only", "histogram", "--suite", "none", "--canonical-size", 32, "--jobs", 0)
    seen = mimbench("data", "show", odd)
    results = {"data show": (seen, seen["unread"])}
    audited = mimbench("data", "check", odd)
    results["data check"] = (audited, audited["unread"])

    run = mimbench("run", "--data", odd, *quick, "--out", tmp_path / "run", "--quiet")
    results["run"] = (run, _unread(tmp_path / "run"))
    images = pd.read_parquet(tmp_path / "run" / "images.parquet")
    assert _names(images["path"]) == read
    assert all(on_disk(path).is_file() for path in images["path"])

    made = mimbench("export-conditions", tmp_path / "run", tmp_path / "exported", "--quiet")
    results["export-conditions"] = (made, _unread(tmp_path / "exported"))
    exported = pd.read_csv(tmp_path / "exported" / "manifest.csv")
    assert sorted(exported["image_id"]) == sorted(images["image_id"])

    scored = mimbench(
        "score", finished_run, odd, "--detector", f"{plugin}:Brightness", "--quiet",
        "--out", tmp_path / "scored",
    )  # fmt: skip
    results["score"] = (scored, _unread(tmp_path / "scored"))
    verdicts = pd.read_csv(tmp_path / "scored" / "external_verdicts.csv")
    assert _names(verdicts["path"].unique()) == read

    corrupted = mimbench("corrupt", odd, tmp_path / "out", "--suite", "tour", "--quiet")
    results["corrupt"] = (corrupted, _unread(tmp_path / "out"))
    pictures = list((tmp_path / "out" / "jpeg_compression" / "5").rglob("*.png"))
    assert len(pictures) == len(read)

    for command, (result, unread) in results.items():
        files = result["files"]
        assert files["read"] == len(read), command
        assert files["found"] == files["read"] + files["rejected"] + files["left_out"], command
        rejected = {Path(row["path"]).name: row["reason"] for row in unread if _is(row, "rejected")}
        assert rejected.keys() == REJECTED.keys(), command
        assert all(why in rejected[name] for name, why in REJECTED.items()), command
        left_out = {Path(row["path"]).name: row["reason"] for row in unread if _is(row, "left out")}
        assert left_out.keys() == LEFT_OUT.keys(), command
        assert all(left_out[name].startswith(why) for name, why in LEFT_OUT.items()), command
        assert sum(row["files"] for row in unread) == files["rejected"] + files["left_out"]


def test_external_images_of_a_run_are_read_alike(
    odd: Path, folders: dict[str, Path], mimbench: Command, tmp_path: Path
) -> None:
    alone = mimbench("data", "show", odd)["files"]
    data = mimbench("data", "show", folders["data"])["files"]
    both = mimbench(
        "run", "--data", folders["data"], "--external", odd, "--only", "histogram",
        "--suite", "none", "--canonical-size", 32, "--jobs", 0, "--out", tmp_path / "run",
        "--quiet",
    )["files"]  # fmt: skip
    assert both["read"] == alone["read"] + data["read"]
    assert (both["rejected"], both["left_out"]) == (alone["rejected"], alone["left_out"])


def _is(row: dict, what: str) -> bool:
    return row["what"] == what


def test_pixels_of_every_mode_are_what_run_and_corrupt_both_see(odd: Path) -> None:
    from mimbench.data.reading.decoding import read_photos, read_whole
    from mimbench.data.reading.photo import Photo

    paths = [odd / "mpox" / name for name in SOUND]
    for path, photo in zip(paths, read_photos(paths, 40), strict=True):
        whole = read_whole(path)
        assert isinstance(photo, Photo)
        assert not isinstance(whole, str)
        middle = whole.pixels[:, 2:42]
        assert np.array_equal(photo.pixels, middle), path
