"""The wheel brings one import name and its recipes, found without a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_mimbench_is_the_only_import_name(wheel: Path) -> None:
    names = {Path(name).parts[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"mimbench"}


def test_recipes_load_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import mimbench\n"
        "from mimbench.recipes import names, read_recipe, read_toml, shipped\n"
        f"assert mimbench.__file__.startswith({str(site)!r}), mimbench.__file__\n"
        "for name in names('baselines'): read_recipe(name)\n"
        "for name in names('corruptions'): read_toml('corruptions', name)\n"
        "print(*names('baselines'), '|', *names('corruptions'), '|', *names('runs'))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    baselines, suites, runs = (part.split() for part in shown.split("|"))
    in_checkout = sorted(path.stem for path in (PROJECT / "baselines").glob("*.toml"))
    assert baselines == in_checkout
    assert "quick" in suites
    assert "default" in runs
