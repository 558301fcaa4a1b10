"""A report whose tables, code and options are unchanged is not made again; any other is."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import RUN_INFO, synthetic_tables, write_synthetic_run

from mimbench import report
from mimbench.cli import main
from mimbench.files import cache_record
from mimbench.report import unchanged
from mimbench.scores.digests import write_sealed
from mimbench.scores.tables import checksums

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and its report."""
    folder = tmp_path_factory.mktemp("made") / "run"
    write_synthetic_run(folder, synthetic_tables(conditions=()))
    write_sealed(folder / "run.json", {**RUN_INFO, "checksums": checksums(folder)})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        patch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
        patch.setattr(sys, "argv", ["mimbench", "report", "run", "--quiet"])
        assert main() == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in another place, with a record as if it had been made there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(made, tmp_path / "run")
    (old,) = (made.parent / "cache").rglob("*.json")
    new = cache_record(unchanged.KIND, Path("run"))
    assert new is not None
    new.parent.mkdir(parents=True)
    shutil.copy(old, new)
    return tmp_path / "run"


@pytest.fixture
def mimbench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, arguments)])
        code = main()
        return code, *capsys.readouterr()

    return run


def record(folder: Path) -> Path:
    path = cache_record(unchanged.KIND, folder)
    assert path is not None
    return path


def age(folder: Path) -> int:
    return (folder / "index.html").stat().st_mtime_ns


def test_a_report_of_the_same_tables_is_left_and_told_again(
    folder: Path, mimbench: Command
) -> None:
    before = age(folder)
    code, out, _ = mimbench("report", "run", "--quiet")
    assert code == 0
    assert age(folder) == before
    assert all(row in out for row in ("resnet18/", "histogram", "broken"))
    assert "nothing that it is made from has changed" in out
    told = json.loads(mimbench("report", "run", "--json")[1])
    assert age(folder) == before
    record(folder).unlink()
    again = json.loads(mimbench("report", "run", "--json")[1])
    assert age(folder) != before
    assert told == again


def test_what_lies_in_the_folder_is_never_taken_for_a_report(
    folder: Path, mimbench: Command, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "theirs")
    (tmp_path / "theirs" / "index.html").write_text("forged")
    shutil.copy(record(folder), tmp_path / "theirs" / "report.json")
    assert mimbench("report", "theirs", "--quiet")[0] == 0
    assert (tmp_path / "theirs" / "index.html").read_text("utf-8") != "forged"


def test_a_report_during_which_a_file_changed_is_made_again(
    folder: Path, mimbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed_meanwhile(place: Path, **options: object) -> report.Report:
        made = write_report(place, **options)
        (place / "subgroups.csv").write_text("row\n")
        return made

    write_report = report.write_report
    record(folder).unlink()
    monkeypatch.setattr(report, "write_report", changed_meanwhile)
    assert mimbench("report", "run", "--quiet")[0] == 0
    assert not record(folder).exists()


def test_the_same_command_again_changes_the_date_alone(folder: Path, mimbench: Command) -> None:
    before = age(folder)
    info = json.loads((folder / "run.json").read_text())
    del info["digest"]
    write_sealed(folder / "run.json", {**info, "date": "2030-01-01T00:00:00+00:00"})
    assert mimbench("report", "run", "--quiet")[0] == 0
    assert age(folder) == before


def test_a_report_is_made_again_where_something_is_another(
    folder: Path, mimbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = json.loads((folder / "run.json").read_text())
    del info["digest"]
    changes: dict[str, Callable[[], object]] = {
        "code": lambda: monkeypatch.setattr(unchanged, "PACKAGE", folder),
        "the page": lambda: (folder / "index.html").write_text("edited"),
        "a figure": lambda: next((folder / "figures").glob("*.png")).unlink(),
        "a table of the report": lambda: (folder / "leaderboard.csv").write_text("row\n"),
        "a library": lambda: monkeypatch.setattr(unchanged, "version", lambda name: f"{name} 9"),
        "subgroups": lambda: (folder / "subgroups.csv").write_text("row\n"),
        "an option": lambda: write_sealed(folder / "run.json", {**info, "command": "another"}),
        "the record": lambda: record(folder).write_text("{}"),
    }
    for what, change in changes.items():
        change()
        unchanged._made_by.cache_clear()
        before = age(folder)
        assert mimbench("report", "run", "--quiet")[0] == 0
        assert age(folder) != before, what
        before = age(folder)
        assert mimbench("report", "run", "--quiet")[0] == 0
        assert age(folder) == before, what


def test_changed_tables_are_refused_although_there_is_a_report(
    folder: Path, mimbench: Command
) -> None:
    path = folder / "scores.parquet"
    scores = pd.read_parquet(path)
    scores.assign(value=scores["value"] + 1).to_parquet(path)
    code, _, said = mimbench("report", "run", "--quiet")
    assert code == 64
    assert "scores.parquet" in said


def test_the_shipped_recipes_are_part_of_what_a_report_is_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(unchanged.shipped("baselines"), tmp_path / "baselines")
    monkeypatch.setattr(unchanged, "shipped", lambda kind: tmp_path / kind)
    monkeypatch.setattr(unchanged, "PACKAGE", tmp_path / "none")
    made_by = unchanged._made_by.__wrapped__
    before = made_by()
    assert made_by() == before
    recipe = tmp_path / "baselines" / "mim.toml"
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("steps = 500", "steps = 5000"), encoding="utf-8")
    assert made_by() != before
