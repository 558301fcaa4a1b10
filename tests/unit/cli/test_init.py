"""Every template is a file that the command it is for takes as it is."""

import sys
from pathlib import Path

import pytest
from made_tables import Made, made_images, made_tables
from synthetic_run import write_synthetic_run

from mimbench.cli import main
from mimbench.cli.init import NEXT
from mimbench.recipes import names

IMAGES = made_images({"mpox": ("target", "clinic", 60), "acne": ("unknown", "clinic", 60)})
ROWS = {"mim/ssim": Made(0.8), "resnet18/posterior": Made(0.7)}


def command(monkeypatch: pytest.MonkeyPatch, *given: object) -> int:
    monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, given)])
    return main()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_a_template_for_each_kind() -> None:
    assert set(names("templates")) == set(NEXT)


def test_claims_and_gate_judge_a_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_synthetic_run(place / "run", made_tables(ROWS, images=IMAGES))
    assert command(monkeypatch, "init", "claims") == 0
    assert command(monkeypatch, "verify", "run", "--claims", "my-claims.toml") == 0
    printed = capsys.readouterr().out
    flags = "--data PHOTOS --patients '(.+)_[0-9]+' --unknown OTHERS --claims"
    assert f"next: mimbench run {flags} my-claims.toml\n" in printed
    assert "run tour, with --folds 1 --seeds 1" in printed
    assert "--patients reads the patient from names such as M01_02.jpg" in printed
    written = Path("my-claims.toml").read_text(encoding="utf-8")
    assert f"mimbench run {flags} FILE" in written
    assert "loses-less-under-noise" in printed
    assert command(monkeypatch, "init", "gate", "ours.toml") == 0
    assert command(monkeypatch, "gate", "run", "run", "--file", "ours.toml") == 0


def test_a_suite_is_drawn(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, "init", "suite") == 0
    given = ["--sheet", "sheet.png", "--suite", "my-suite.toml", "--quiet"]
    assert command(monkeypatch, "corrupt", *given) == 0
    assert (place / "sheet.png").is_file()


def test_a_recipe_keeps_the_rules(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, "init", "recipe") == 0
    assert command(monkeypatch, "check", "my-recipe.toml") == 0


@pytest.mark.slow
def test_a_run_file_starts_a_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "init", "run") == 0
    given = ["--only", "complexity", "--suite", "none", "--quiet"]
    assert command(monkeypatch, "run", "my-run.toml", *given) == 0
    assert (place / "runs" / "my-run" / "index.html").is_file()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("next: mimbench verify runs/my-run")


def test_nothing_is_replaced_and_an_unknown_kind_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "my-gate.toml").write_text("mine")
    assert command(monkeypatch, "init", "gate") == 64
    assert (place / "my-gate.toml").read_text() == "mine"
    assert command(monkeypatch, "init", "gates") == 64
    assert "gate" in capsys.readouterr().err
    assert command(monkeypatch, "init", "gate", "gate.txt") == 64


def test_claims_and_kernels_can_be_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "list", "claims") == 0
    assert "mim-paper" in capsys.readouterr().out
    assert command(monkeypatch, "list", "kernels") == 0
    printed = capsys.readouterr().out
    assert "kelvin" in printed
    assert "white_balance" in printed
