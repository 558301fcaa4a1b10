"""mimbench works where little can be written, printed or assumed: home, encoding, zone, locale."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from numba.core import caching

from mimbench.compiled import compiled
from mimbench.detectors.named import recipe_of
from mimbench.errors import DetectorError, RecipeError
from mimbench.registry import resolve

OTHER_OPENS = ("os", "Image", "tarfile", "ImageOps", "pa_csv", "webbrowser", "archive")
PACKAGE = Path(__file__).parents[2] / "mimbench"

UNCACHED = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
import importlib, pkgutil, mimbench
for found in pkgutil.walk_packages(mimbench.__path__, "mimbench."):
    importlib.import_module(found.name)
"""
BARE = """
import sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):  # Windows has none of them
    sys.modules[name] = None
from mimbench.cli import main
sys.exit(main())
"""


def square(x: float) -> float:
    return x * x


def test_without_a_place_for_its_cache_numba_compiles_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert compiled(square)(3.0) == 9.0


def test_every_module_loads_without_one() -> None:
    subprocess.run([sys.executable, "-c", UNCACHED], check=True)


def test_a_run_goes_through_on_a_bare_system(folders: dict[str, Path], tmp_path: Path) -> None:
    """No home, no fcntl, no resource; odd COLUMNS, zone, locale and folder; ASCII output."""
    out = tmp_path / "run \u0131\u015f"
    words = ["run", "--data", str(folders["data"]), "--canonical-size", "32", "--jobs", "0"]
    words += ["--out", str(out), "--suite", "none", "--only", "histogram"]
    environment = {
        **{"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent", "PYTHONIOENCODING": "ascii"},
        **{"COLUMNS": "0", "TZ": "Nowhere/Near", "LC_ALL": "tr_TR.UTF-8"},
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # else it looks for fonts, for long
    }
    done = subprocess.run(
        [sys.executable, "-c", BARE, *words],
        cwd=tmp_path, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "histogram" in done.stdout
    assert "run is" in done.stdout.replace("\\u0131", "i"), "letters that ASCII has not"


def test_files_are_read_and_written_in_utf8_whatever_the_locale_is() -> None:
    """Without an encoding, `read_text` and friends take the locale's."""
    wrong = [
        f"{path.name}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and opens_text(call)
        if "encoding" not in {keyword.arg for keyword in call.keywords}
    ]
    assert wrong == []


def opens_text(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name == "open":
        of_path = not (isinstance(call.func.value, ast.Name) and call.func.value.id in OTHER_OPENS)
        modes = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        return of_path and "b" not in "".join(map(str, modes))
    return name in ("read_text", "write_text")


def test_paths_of_windows_are_paths_though_they_have_colons() -> None:
    with pytest.raises(RecipeError, match=r"no file C:\\recipes\\mine\.toml"):
        recipe_of(r"C:\recipes\mine.toml")
    with pytest.raises(DetectorError, match=r"no file C:\\code\\mine\.py"):
        resolve(r"C:\code\mine.py:Mine")
