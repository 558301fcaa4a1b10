"""Keys of the store: what a fit depends on changes its address, and nothing else does."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mimbench.data.dataset import ImageOptions
from mimbench.detectors.build import identity
from mimbench.evaluation import environment, fitting
from mimbench.evaluation.fitting import fit_ids
from mimbench.evaluation.plan import RunFile, make_plan
from mimbench.evaluation.store import Store
from mimbench.recipes import Recipe

Ids = dict[str, str]


@pytest.fixture
def ids(folders: dict[str, Path], plugin: Path, tmp_path: Path) -> Callable[..., Ids]:
    """Function: fit_ids by detector of a plan with these options, and recipes for the plug-in."""
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
        return dict(zip(names, fit_ids(plan, torch.device("cpu")), strict=True))

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
