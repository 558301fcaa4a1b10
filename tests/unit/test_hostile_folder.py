"""A stranger's folder full of links: no command changes, deletes or shows anything outside it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import small_tables, write_synthetic_run

from mimbench.cli import main
from mimbench.files import file_hash
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

FOLDERS = ("figures", "gallery", "audit", "as-is", "added", "external", "fits", "blocks")
FILES = (
    ".lock", "run.json", "starts.json", "derived.json", "scores.parquet", "fits.parquet",
    "images.parquet", "metrics.parquet", "robustness.parquet", "metrics.csv", "verdicts.csv",
    "verdicts.json",
    "subgroups.csv", "training.csv", "audit.csv", "rejected.csv", "leaderboard.csv",
    "leaderboard.md", "leaderboard.tex", "operating.csv", "index.html", "class_signal.csv",
    "figures/drawn.json", "figures/roc.svg", "figures/roc.png", "gallery/gallery.json",
    "gallery/noise.png", "added/run.json", "added/scores.parquet", "added/index.html",
    "added/gallery/gallery.json", "as-is/scores.parquet", "fits/0123456789abcdef.json",
    "fits/0123456789abcdef.safetensors", "fits/0123456789abcdef.checkpoint.safetensors",
    "blocks/0123456789abcdef/0123456789abcdef01234567.parquet",
    f"index.html.{os.getpid()}.partial", f"run.json.{os.getpid()}.partial",
    f"figures/roc.svg.{os.getpid()}.partial", "pixels.npy.1.partial",
)  # fmt: skip
STORE = ("fits", "blocks")
USES_STORE = ("runs clean", "score", "run --data")
State = dict[Path, tuple[str, int]]


@pytest.fixture(scope="module")
def small(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reportable run, small enough to be reported many times."""
    return write_synthetic_run(tmp_path_factory.mktemp("small") / "run", small_tables(tables))


@pytest.fixture
def outside(small: Path, tmp_path: Path) -> Path:
    """Somebody's files, among them everything that a command would look for."""
    place = Path(shutil.copytree(small, tmp_path / "outside"))
    (place / "secret.txt").write_text("root:x:0:0")
    for name in FILES:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text("precious")
    return place


def state(place: Path) -> State:
    return {
        path: (file_hash(path), path.stat().st_mtime_ns) if path.is_file() else ("", 0)
        for path in place.rglob("*")
    }


@pytest.fixture
def commands(
    tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], Iterator[tuple[str, int]]]:
    """Every command that takes a run's folder; yields what was typed and the exit code."""
    theirs = tmp_path / "theirs.csv"
    images = read_tables(small).images
    pd.DataFrame({"image_id": images["image_id"], "value": 0.5}).to_csv(theirs, index=False)
    monkeypatch.chdir(tmp_path)

    def run_all(run: Path) -> Iterator[tuple[str, int]]:
        for line in (
            f"runs {run.parent}",
            f"runs {run}",
            f"runs clean {run} --yes",
            f"report {run} --quiet",
            f"report {run} --add {theirs} --quiet",
            f"verify {run}",
            f"subgroups {run} --by source",
            f"gate {run} {run}",
            f"score {run} {tmp_path / 'outside'}",
            f"runs compact {run} {tmp_path / 'compact'}",
            f"export-conditions {run} {tmp_path / 'export'}",
            f"run --data phantom --only histogram --out {run} --jobs 0 --quiet",
        ):
            monkeypatch.setattr("sys.argv", ["mimbench", *line.split()])
            yield line, main()

    return run_all


Commands = Callable[[Path], Iterator[tuple[str, int]]]


def refusal(line: str) -> int:
    """The exit code of a command that refuses a folder."""
    return 2 if line.startswith("gate ") else 64


@pytest.mark.parametrize(
    "name", [*FOLDERS, *FILES], ids=lambda name: name.replace(str(os.getpid()), "PID")
)
def test_a_link_anywhere_leads_no_command_outside(
    small: Path,
    outside: Path,
    tmp_path: Path,
    commands: Commands,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    run = Path(shutil.copytree(small, tmp_path / "runs" / "run"))
    link = run / name
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(outside / name)
    before, own = state(outside), state(run)
    in_store = Path(name).parts[0] in STORE and len(Path(name).parts) > 1
    for line, code in commands(run):
        said = capsys.readouterr()
        assert state(outside) == before, line
        if in_store and not line.startswith(USES_STORE):
            continue  # it does not look there
        if not line.startswith("runs /"):  # a list names what it cannot read
            assert code == refusal(line), line
            words = " ".join(said.err.split())
            assert Path(name).parts[0] in words.replace(" ", ""), line
        if not in_store:
            assert state(run) == own, f"{line}: nothing is written before the folder is refused"


@pytest.mark.parametrize("name", ["run.json", ".lock", "gallery/noise.png", "index.html"])
def test_a_pipe_keeps_nobody_waiting(
    small: Path, tmp_path: Path, commands: Commands, name: str
) -> None:
    run = Path(shutil.copytree(small, tmp_path / "runs" / "run"))
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    for line, code in commands(run):
        if not line.startswith("runs /"):
            assert code == refusal(line), line


def test_a_hard_link_is_replaced_and_not_written_through(
    small: Path, tmp_path: Path, commands: Commands
) -> None:
    run = Path(shutil.copytree(small, tmp_path / "runs" / "run"))
    kept = tmp_path / "kept"
    kept.mkdir()
    for number, path in enumerate(sorted(run.rglob("*"))):
        if path.is_file():
            os.link(path, kept / str(number))
    (kept / "lock").write_text("precious")
    os.link(kept / "lock", run / ".lock")
    for name in ("index.html", "leaderboard.md", "verdicts.json", "metrics.parquet"):
        (kept / name).write_text("precious")
        os.link(kept / name, run / name)
    before = {path: path.read_bytes() for path in kept.iterdir()}
    codes = dict(commands(run))
    assert {path: path.read_bytes() for path in kept.iterdir()} == before
    assert codes[f"report {run} --quiet"] == 0
    assert next(code for line, code in codes.items() if line.startswith("run ")) == 64  # its .lock


def test_a_folder_of_something_else_is_no_place_for_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    for name, content in {
        "deep/down/film.mp4.partial": "a download",
        "film.mp4.12.partial": "a download",
        "gallery/holiday.jpg": "a photo",
        "gallery/gallery.json": "[]",
        "verdicts.csv": "of a court",
        "index.html": "a home page",
        "run.json": json.dumps({"name": "another program's"}),
        "fits/suit.json": "{}",
    }.items():
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text(content)
    before = state(mine)
    line = f"mimbench run --data phantom --only histogram --out {mine} --jobs 0 --quiet"
    monkeypatch.setattr("sys.argv", line.split())
    assert main() == 64
    said = " ".join(capsys.readouterr().err.split())
    assert "not empty" in said
    assert "--out" in said
    assert state(mine) == before


def test_what_a_user_put_into_a_runs_folder_stays(
    finished_run: Path, tmp_path: Path, commands: Commands
) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "runs" / "run"))
    mine = {
        run / "notes.partial": "mine",
        run / "film.mp4.7.partial": "mine",
        run / "deep" / "scores.parquet.7.partial": "mine",
        run / "fits" / "notes.json": "{}",
        run / "fits" / "mine.safetensors": "mine",
        run / "blocks" / "mine" / "table.parquet": "mine",
        run / "gallery" / "holiday.png": "mine",
        run / "figures" / "mine.svg": "mine",
    }
    left = run / "scores.parquet.7.partial"
    for path, content in (mine | {left: "cut off"}).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for line, _ in commands(run):
        for path, content in mine.items():
            assert path.read_text() == content, f"{line}: {path.name}"
    assert not left.exists()
