"""A run whose paths are relative is used from another folder than the one it was started in."""

import json
import shutil
from pathlib import Path

import pytest
from small_images import write_category

from mimbench.data.dataset import ImageOptions
from mimbench.errors import DataError, DetectorError
from mimbench.evaluation.export import export_conditions
from mimbench.evaluation.external.external import score_external
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent

PLUGIN = "def bright(images):\n    return images.float().mean((1, 2, 3))\n"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, beside a/ with photos, a plug-in and the run a/r on both."""
    home, other = tmp_path / "a", tmp_path / "b"
    for number, name in enumerate(("mpox", "acne")):
        write_category(home / "photos" / name, 60 + 50 * number, 9, number)
    (home / "mine.py").write_text(f"# {tmp_path}\n{PLUGIN}")
    other.mkdir()
    monkeypatch.chdir(home)
    images = ImageOptions(data=("photos",), canonical_size=32)
    run = RunFile(detectors=("mine.py:bright",), data=images)
    execute(make_plan(run), Path("r"), Silent())
    monkeypatch.chdir(other)
    return other


def test_pictures_are_exported_from_the_folder_that_the_run_names(elsewhere: Path) -> None:
    made = export_conditions("../a/r", Path("pictures"), Silent())
    assert made.written == 36
    assert (elsewhere / "pictures" / "manifest.csv").is_file()
    assert Path.cwd() == elsewhere


def test_new_images_are_scored_with_the_plug_in_that_the_run_means(elsewhere: Path) -> None:
    for number, name in enumerate(("mpox", "acne")):
        write_category(elsewhere / "new" / name, 60 + 50 * number, 3, 9 + number)
    there = elsewhere.parent / "a" / "mine.py"
    (elsewhere / "mine.py").write_text("raise SystemExit('not the one that is trusted')")
    for trusted in ([], ["mine.py:bright"]):
        with pytest.raises(DetectorError, match=f"--detector {there}:bright"):
            score_external(Path("../a/r"), ["new"], Silent(), trusted)
    for trusted in ("../a/mine.py:bright", f"{there}:bright"):
        result = score_external(Path("../a/r"), ["new"], Silent(), [trusted])
        assert set(result.test.verdicts["row"]) == {"bright"}


def test_a_folder_that_is_gone_is_named_with_where_it_was(elsewhere: Path) -> None:
    home = elsewhere.parent / "a"
    shutil.move(home / "photos", home / "moved")
    with pytest.raises(DataError, match=rf"photos.*relative to {home}"):
        export_conditions("../a/r", Path("pictures"), Silent())
    assert json.loads((home / "r" / "run.json").read_text())["folder"] == str(home)
