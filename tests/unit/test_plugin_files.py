"""A plug-in file may be split: what lies beside it is found, and is part of what it is."""

import os
import sys
from pathlib import Path

import pytest

from mimbench.errors import DetectorError, PluginError
from mimbench.plugin_files import files_of, import_file
from mimbench.registry import resolve, sources, where


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "mine.py"


def test_modules_beside_the_file_are_imported_in_every_way_of_writing_it(tmp_path: Path) -> None:
    mine = write(
        tmp_path,
        mine="import layers\nimport parts.heads as heads\nfrom parts import necks\n"
        "from layers import WIDTH\nfrom . import losses\nfrom .losses import LOSS\n"
        "import parts.heads\n"
        "def late():\n    import later\n    return later.VALUE\n",
        layers="import losses\nWIDTH = losses.LOSS + 1\n",
        losses="LOSS = 1\n",
        later="VALUE = 7\n",
        parts__heads="from . import necks\nfrom layers import WIDTH\nHEADS = WIDTH + necks.NECK\n",
        parts__necks="NECK = 5\n",
    )
    module = import_file(mine)
    assert (module.layers.WIDTH, module.WIDTH, module.LOSS) == (2, 2, 1)
    assert module.heads.HEADS == module.parts.heads.HEADS == 7
    assert module.late() == 7
    assert "layers" not in sys.modules, "another plug-in may have a module of that name"
    assert [path.name for path in files_of(mine)] == sorted(
        ["mine.py", "layers.py", "losses.py", "later.py", "heads.py", "necks.py"],
        key=lambda name: str(tmp_path / ("parts/" * (name in ("heads.py", "necks.py"))) / name),
    )


def test_two_plug_ins_may_have_modules_of_the_same_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, mine="from helper import NAME\n", helper=f"NAME = {name!r}\n")
    assert import_file(tmp_path / "a" / "mine.py").NAME == "a"
    assert import_file(tmp_path / "b" / "mine.py").NAME == "b"


def test_a_changed_module_beside_it_is_another_plug_in(tmp_path: Path) -> None:
    mine = write(tmp_path, mine="def score(x):\n    import helper\n    return helper.SIGN\n",
                 helper="SIGN = +1\n")  # fmt: skip
    before = resolve(f"{mine}:score")
    times = (tmp_path / "helper.py").stat()
    assert tmp_path / "helper.py" in sources(f"{mine}:score")
    write(tmp_path, helper="SIGN = -1\n")
    # as large and as old as before: compiled code that Python keeps would be taken for it
    os.utime(tmp_path / "helper.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    after = resolve(f"{mine}:score")
    assert (before(0), after(0)) == (1, -1)


def test_what_no_statement_names_is_refused_because_a_change_would_not_be_noticed(
    tmp_path: Path,
) -> None:
    text = "import importlib\nhelper = importlib.import_module(f'{__package__}.helper')\n"
    mine = write(tmp_path, mine=text, helper="SIGN = 1\n")
    with pytest.raises(PluginError, match=r"helper\.py .* import statement"):
        resolve(f"{mine}:helper")


def test_what_is_not_beside_it_is_what_is_installed(tmp_path: Path) -> None:
    mine = write(
        tmp_path, mine="import json\nimport mimbench\n", json="x = 1\n", mimbench="x = 1\n"
    )
    module = import_file(mine)
    assert hasattr(module.json, "dumps")
    assert hasattr(module.mimbench, "Detector")
    assert files_of(mine) == [mine]


def test_an_error_beside_it_is_said_with_file_and_line(tmp_path: Path) -> None:
    mine = write(tmp_path, mine="import helper\n", helper="x = 1\ny = 1 / 0\n")
    with pytest.raises(PluginError, match=r"helper\.py, line 2: ZeroDivisionError"):
        resolve(f"{mine}:score")
    write(tmp_path, helper="def f(:\n")
    with pytest.raises(PluginError, match=r"helper\.py, line 1: SyntaxError"):
        resolve(f"{mine}:score")
    write(tmp_path, helper="def f(x):\n    raise ValueError(x)\n", mine="from helper import f\n")
    with pytest.raises(ValueError, match="3") as raised:
        resolve(f"{mine}:f")(3)
    assert where(f"{mine}:f", raised.value) == "helper.py, line 2: "


def test_a_module_that_is_nowhere_is_said_with_what_would_be_right(tmp_path: Path) -> None:
    mine = write(tmp_path, mine="import elsewhere_in_the_project\n")
    with pytest.raises(PluginError, match=r"line 1.*elsewhere_in_the_project.*own folder"):
        resolve(f"{mine}:score")
    with pytest.raises(DetectorError, match=r"no file .*none\.py"):
        import_file(tmp_path / "none.py")
