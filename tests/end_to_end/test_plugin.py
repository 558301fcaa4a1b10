"""A method of somebody else's, from a package or as the README has it, gets its row."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_images import write_category

from mimbench.cli import main
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that are no skin: a folder per fruit."""
    folder = tmp_path_factory.mktemp("images") / "fruit"
    for name, level, seed in (("apple", 90, 1), ("pear", 140, 2), ("plum", 190, 3)):
        write_category(folder / name, level, 9, seed)
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which the example package is installed as a user would, without network."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    example = PROJECT / "tests" / "example_plugin"
    subprocess.run(
        [*pip, "--no-index", "--target", str(site), str(example)], check=True, capture_output=True
    )
    return site


COMMANDS = """
import json
import sys

from mimbench.cli import main

for words in json.load(sys.stdin):
    sys.argv = words
    if code := main():
        sys.exit(code)
    print(flush=True)
    print("END")
"""


def mimbench(folder: Path, site: Path, *commands: str | list[str]) -> list[str]:
    """What commands print, one after another in a process that finds the package; all succeed."""
    words = [each.split() if isinstance(each, str) else each for each in commands]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        input=json.dumps([["mimbench", *each] for each in words]),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(site)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("\nEND\n")[:-1]


def run_of(fruit: Path, name: str) -> list[str]:
    """A run of one detector whose target is no skin."""
    words = f"run --data {fruit} --target apple --only {name} --suite none --quiet --out out"
    return words.split()


def auroc(tables: RunTables, row: str) -> float:
    images = tables.images[tables.images["split_0"] == "test"]
    merged = tables.scores[tables.scores["score"] == row].merge(images, on="image_id")
    target = merged.loc[merged["role"] == "target", "value"].to_numpy()
    other = merged.loc[merged["role"] == "known", "value"].to_numpy()
    return float((other[:, None] > target[None, :]).mean())


def test_an_installed_package_is_checked_and_run_on_images_that_are_no_skin(
    installed: Path, fruit: Path, tmp_path: Path
) -> None:
    commands = ("check mean-colour", run_of(fruit, "mean-colour"))
    checked, _ = mimbench(tmp_path, installed, *commands)
    assert "FAILED" not in checked
    assert checked.count("passed  ") == 7
    tables = read_tables(tmp_path / "out")
    assert set(tables.images.loc[tables.images["role"] == "target", "category"]) == {"apple"}
    assert tables.fits["fitted_on"].unique().tolist() == ["apple"]
    assert auroc(tables, "mean-colour") == 1.0
    assert "mean-colour" in (tmp_path / "out" / "leaderboard.md").read_text()


SUITE = """
name = "lamps"
description = "The corruption of a package, as it is and with a strength of one's own."
severities = [2, 5]
corruptions = ["tint"]

[[corruption]]
name = "faint"
kernel = "tint"
strength = 0.05
"""


def test_a_corruption_of_an_installed_package_is_listed_checked_and_run(
    installed: Path, fruit: Path, tmp_path: Path
) -> None:
    (tmp_path / "lamps.toml").write_text(SUITE)
    words = run_of(fruit, "mean-colour")
    words[words.index("none")] = "lamps.toml"
    listed, checked, _ = mimbench(tmp_path, installed, "list corruptions", "check tint", words)
    assert "installed plug-in" in next(x for x in listed.splitlines() if x.startswith("tint"))
    assert "FAILED" not in checked
    assert checked.count("passed  ") == 5
    conditions = read_tables(tmp_path / "out").scores[["corruption", "severity"]]
    assert {tuple(pair) for pair in conditions.drop_duplicates().to_numpy()} == {
        ("clean", 0), ("tint", 2), ("tint", 5), ("faint", 2), ("faint", 5),
    }  # fmt: skip
    assert "tint" in (tmp_path / "out" / "index.html").read_text()


def test_the_ten_lines_of_the_readme_get_their_row(
    fruit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    section = (PROJECT / "README.md").read_text().split("## Your detector in ten lines")[1]
    code, commands = re.findall(r"```(?:python)?\n(.*?)```", section, re.DOTALL)[:2]
    Path(code.splitlines()[0].removeprefix("# ")).write_text(code)
    check, run = commands.strip().splitlines()
    assert run.startswith("mimbench run tour --detector ")
    for words in (check.split()[1:], run_of(fruit, run.split()[-1])):
        monkeypatch.setattr(sys, "argv", ["mimbench", *words])
        assert main() == 0, capsys.readouterr()
    assert auroc(read_tables(tmp_path / "out"), "Colour") == 1.0
