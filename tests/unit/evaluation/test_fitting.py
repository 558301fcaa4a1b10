"""The address of a fit: made once per run, of files that are read once and must not change."""

from pathlib import Path

import pytest
from executors import reasons
from small_plans import planned

import mimbench.files
from mimbench.evaluation.runner import execute
from mimbench.files import FileHashes, file_hash
from mimbench.progress import Silent

CHANGES = '''
from pathlib import Path

from mimbench import Detector


class Changes(Detector):
    """Writes to the file of its weights while it is fitted."""

    trains_on = "target"
    random = False

    def __init__(self, weights=""):
        self.weights = weights

    def fit(self, train):
        Path(self.weights).write_bytes(b"other weights")

    def score(self, batch):
        return batch.images.float().mean((1, 2, 3))
'''


def test_a_file_is_hashed_again_only_if_it_changed(tmp_path: Path) -> None:
    path, hashes = tmp_path / "weights", FileHashes()
    path.write_bytes(b"one")
    assert hashes(path) == hashes(path) == file_hash(path)
    path.write_bytes(b"another")
    assert hashes(path) == file_hash(path)


@pytest.mark.slow
def test_files_of_a_recipe_are_read_once_for_all_its_fits(
    folders: dict[str, Path], plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(folders, [f"{plugin}:Brightness", f"{plugin}:Spy"], folds=2)
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return file_hash(path)

    monkeypatch.setattr(mimbench.files, "file_hash", counted)
    assert execute(plan, tmp_path / "run", Silent()).failures == ()
    assert len(plan.fits) == 4
    assert read.count(plugin.resolve()) == 1


@pytest.mark.slow
def test_a_fit_of_a_file_that_changed_during_the_run_is_not_kept(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    code, weights = tmp_path / "changes.py", tmp_path / "weights.bin"
    code.write_text(CHANGES)
    weights.write_bytes(b"weights")
    recipe = tmp_path / "changes.toml"
    recipe.write_text(
        f'name = "changes"\ndetector = "{code}:Changes"\n[parameters]\nweights = "{weights}"\n'
    )
    result = execute(planned(folders, [str(recipe)]), tmp_path / "run", Silent())
    assert "weights.bin changed during the run" in reasons(result)["changes"]
    assert not list((tmp_path / "run" / "fits").iterdir())
