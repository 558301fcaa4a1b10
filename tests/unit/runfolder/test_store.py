"""Keys of the store: what a fit depends on changes its address, and nothing else does."""

import ast
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import mimbench
from mimbench.data.dataset import ImageOptions
from mimbench.detectors.build import identity
from mimbench.evaluation import fitting
from mimbench.evaluation.execution import environment
from mimbench.evaluation.fitting import fit_addresses
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.recipes import Recipe
from mimbench.runfolder import store
from mimbench.runfolder.store import Store

Ids = dict[str, str]


@pytest.fixture
def ids(folders: dict[str, Path], plugin: Path, tmp_path: Path) -> Callable[..., Ids]:
    """Function: fit_id by detector of a plan with these options, and recipes for the plug-in."""
    data = tmp_path / "data"
    shutil.copytree(folders["data"], data)
    names = {"one-class": "Brightness", "classifier": "Spy"}

    def addresses(sharpness: float = 1.0, known: tuple[str, ...] = (), **options: Any) -> Ids:
        recipes = []
        for name, plug_in in names.items():
            value = sharpness if name == "one-class" else 1.0
            recipes.append(
                {
                    "name": name,
                    "detector": f"{plugin}:{plug_in}",
                    "parameters": {"sharpness": value},
                }
            )
        chosen: dict[str, Any] = {"known": known} if known else {}
        images = ImageOptions(data=(str(data),), canonical_size=32, **chosen)
        plan = make_plan(RunFile(detectors=tuple(recipes), data=images, **options))
        found = fit_addresses(plan, torch.device("cpu")).fit_ids
        return dict(zip(names, found, strict=True))

    return addresses


def changed(before: Ids, after: Ids) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_a_parameter_changes_its_own_fit_and_a_corruption_none(ids: Callable[..., Ids]) -> None:
    before = ids()
    assert changed(before, ids()) == set()
    assert changed(before, ids(sharpness=2.0)) == {"one-class"}
    assert changed(before, ids(suites=("quick",))) == set()


def test_known_categories_concern_only_what_trains_on_them(
    ids: Callable[..., Ids], tmp_path: Path
) -> None:
    before = ids()
    assert changed(before, ids(known=("measles",))) == {"classifier"}
    shutil.copytree(tmp_path / "data" / "measles", tmp_path / "data" / "zoster")
    for number, image in enumerate(sorted((tmp_path / "data" / "zoster").glob("*.png"))):
        image.write_bytes((tmp_path / "data" / "eczema" / image.name).read_bytes() + b"%d" % number)
    shutil.rmtree(tmp_path / "data" / "eczema")
    assert changed(before, ids()) == {"classifier"}, "the target's split stays as it was"


def test_a_training_image_a_library_and_the_code_change_every_fit(
    ids: Callable[..., Ids], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids()
    versions = environment.library_versions()
    assert {"torch", "numpy", "opencv-python"} <= versions.keys()
    assert not {"pandas", "pyarrow", "matplotlib"} & versions.keys(), "they make no score"
    for name, value in (("library_versions", {**versions, "torch": "9"}), ("fit_code", "new")):
        with monkeypatch.context() as inside:
            inside.setattr(fitting, name, lambda value=value: value)
            assert changed(before, ids()) == {"one-class", "classifier"}
    for image in (tmp_path / "data" / "mpox").glob("*.png"):
        image.write_bytes(image.read_bytes() + b"other bytes")
    assert changed(before, ids()) == {"one-class", "classifier"}


def test_fits_trained_with_other_threads_are_others(
    ids: Callable[..., Ids], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in (1, 2, 1):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found.append(ids())
    one, two, again = found
    assert changed(one, two) == {"one-class", "classifier"}
    assert one == again


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of mimbench's code, from which addresses are made."""
    package = tmp_path / "mimbench"
    shutil.copytree(Path(mimbench.__file__).parent, package)
    monkeypatch.setattr(store.mimbench, "__file__", str(package / "__init__.py"))
    return package


def addresses_of_code() -> tuple[str, str]:
    store.fit_code.cache_clear()
    store.score_code.cache_clear()
    return store.fit_code(), store.score_code()


@pytest.mark.parametrize(
    ("module", "fit", "score"),
    [
        ("evaluation/scoring.py", False, True),
        ("evaluation/fitting.py", True, True),
        ("detectors/imaging/masks.py", True, True),
        ("corruptions/imagenet_c/noise.py", True, True),
        ("data/reading/decoding.py", True, True),
        ("report/page/render.py", False, False),
        ("runfolder/history.py", False, False),
    ],
)
def test_editing_code_that_makes_a_number_changes_its_address(
    copied: Path, module: str, fit: bool, score: bool
) -> None:
    before = addresses_of_code()
    with (copied / module).open("r+") as file:
        file.seek(0, os.SEEK_END)
        file.write("# edited\n")
    after = addresses_of_code()
    assert (before[0] != after[0], before[1] != after[1]) == (fit, score)


def test_a_package_that_scoring_imports_from_is_in_the_address_or_decides_no_score() -> None:
    """Whoever imports such a module on the way to a score says here which it is.

    Modules that are in no package read, write and carry, too; a recipe's content and a plug-in's
    code are in the address themselves.
    """
    package = Path(mimbench.__file__).parent
    decides = {
        path
        for part in store.SCORE_CODE
        for path in ((package / part).rglob("*.py") if "." not in part else [package / part])
    }
    others = {
        "evaluation/execution/environment.py",  # versions are in the address
        "evaluation/planning/plan.py",  # images, conditions and sizes are
        "evaluation/execution/failure.py",
        *(f"runfolder/{name}.py" for name in ("score_blocks", "store")),
        # the audit of the images, and what a fit says of its validation images
        *(f"statistics/core/{name}.py" for name in ("estimate", "influence")),
        "statistics/ranking/roc.py",
        "statistics/run/clustered_auroc.py",
        "statistics/tables/calibration.py",
        # what reads, writes and carries
        *(f"csv_files/{name}.py" for name in ("reading", "writing")),
        *(f"scores/{name}.py" for name in ("digests", "splits", "tables")),
    }
    found = {place for path in decides for place in imported(path, package)} - decides
    found = {place for place in found if place.parent != package and place.name != "__init__.py"}
    assert {place.relative_to(package).as_posix() for place in found} - others == set()


def imported(path: Path, package: Path) -> list[Path]:
    """Files of mimbench that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    places = [package.parent / name.replace(".", "/") for name in names if name[:8] == "mimbench"]
    found = [place.with_suffix(".py") for place in places] + [p / "__init__.py" for p in places]
    return [place for place in found if place.is_file()]


def test_all_code_of_a_plug_in_counts_also_what_its_module_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "keyed_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "level.py").write_text("LEVEL = 1\n")
    (package / "score.py").write_text(
        "from keyed_plugin.level import LEVEL\n\n"
        "def lightness(images):\n    return LEVEL * images.float().mean((1, 2, 3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    recipe = Recipe(name="light", detector="keyed_plugin.score:lightness")
    before = identity(recipe)
    assert identity(recipe) == before
    (package / "level.py").write_text("LEVEL = -1\n")
    assert identity(recipe) != before


def test_workers_that_begin_at_once_find_the_store_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = Path.touch

    def touch_and_lose(path: Path) -> None:
        """Another process has made the same probe, and removes it first."""
        touch(path)
        path.unlink()

    monkeypatch.setattr(Path, "touch", touch_and_lose)
    Store(tmp_path / "run")
