"""`mimbench table` and `mimbench compare` on a run made of numbers."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables
from synthetic_run import write_synthetic_run

from mimbench.cli import main

IMAGES = made_images({"mpox": ("target", "clinic", 60), "acne": ("unknown", "clinic", 60)})
ROWS = {"mim": Made(0.8), "cnn": Made(0.7), "plain": Made(0.5, control=True)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = made_tables(ROWS, images=IMAGES, conditions=[("clean", 0)])
    return write_synthetic_run(tmp_path_factory.mktemp("cli") / "run", tables)


def command(monkeypatch: pytest.MonkeyPatch, *given: object) -> int:
    monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, given)])
    return main()


def test_names_are_separated_by_commas_and_a_file_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "table.csv"
    given = ["--rows", "cnn,mim", "--columns", "auroc", "--format", "csv", "--out", out]
    assert command(monkeypatch, "table", folder, *given) == 0
    assert pd.read_csv(out)["row"].tolist() == ["cnn", "mim"]


def test_a_condition_without_a_value_is_told_its_form(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "table", folder, "--where", "unknown") == 64
    assert "NAME=VALUE" in capsys.readouterr().err


def test_runs_are_compared_and_one_run_is_not_enough(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "all.csv"
    assert command(monkeypatch, "compare", folder, folder, "--csv", out) == 0
    assert "same in both runs" in capsys.readouterr().out
    assert set(pd.read_csv(out)["row"]) == set(ROWS)
    assert command(monkeypatch, "compare", folder) == 64
