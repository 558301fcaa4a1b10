"""Shared fixtures: where the real images are, and small sets of generated ones."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from small_images import write_category
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.report import Report, write_report
from mimbench.scores.tables import RunTables

# the same examples every time, and no clock: a test may wait for a compiler
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# pictures that tests draw do not lie among those of the person who tests
os.environ.setdefault("MIMBENCH_PICTURES", str(Path(tempfile.gettempdir()) / "mimbench-tests"))

TESTS = Path(__file__).parent
# Folders and files whose tests train, read many images, or start other processes or a browser. A
# single slow test in another file is marked where it stands.
SLOW = (
    *("browser", "docs", "end_to_end"),
    *("unit/cli/terminal", "unit/cli/test_cli.py", "unit/cli/test_runs.py"),
    *("unit/scores/test_integrity.py", "unit/report/page", "unit/report/test_report.py"),
    *("unit/report/test_external.py", "unit/report/figures/test_categories.py"),
    *("unit/corruptions/test_engine.py", "unit/corruptions/test_enlarged.py"),
    *("unit/corruptions/test_folder.py", "unit/data/reading/test_accounting.py"),
    *("unit/corruptions/test_parity.py", "unit/corruptions/test_suites.py"),
    *("unit/data/audit", "unit/data/generated", "unit/data/near_duplicates"),
    *("unit/data/reading/test_corpus.py", "unit/data/reading/test_corpus_commands.py"),
    *("unit/data/reading/test_harmonise.py", "unit/data/test_duplicates.py"),
    *("unit/data/test_dataset.py", "unit/detectors", "unit/evaluation/execution"),
    *("unit/evaluation/external", "unit/evaluation/gallery", "unit/evaluation/test_runner.py"),
    *("unit/evaluation/planning/test_control_sizes.py", "unit/evaluation/test_export.py"),
    *("unit/evaluation/planning/test_known_subsets.py", "unit/evaluation/test_ensembles.py"),
    *("unit/evaluation/planning/test_one_class.py", "unit/evaluation/test_corruption_scale.py"),
    *("unit/evaluation/test_near_duplicates_in_runs.py", "unit/evaluation/test_explain.py"),
    "unit/report/test_answer.py",
    *("unit/runfolder/test_added_rows.py", "unit/runfolder/test_info.py"),
    *("unit/runfolder/test_history.py", "unit/runfolder/test_rounding.py"),
    *("unit/runfolder/test_started_in.py", "unit/runfolder/test_store.py"),
    *("unit/test_any_value.py", "unit/test_bad_ends.py", "unit/test_fuzz.py"),
    *("unit/test_hostile_folder.py", "unit/test_one_reader.py", "unit/test_places.py"),
    *("unit/test_results.py", "unit/test_safety.py", "unit/test_same_recipe.py"),
    "unit/test_without_torch.py",
)

PLUGIN = '''
import torch

from mimbench import Detector

SEEN = []


class Brightness(Detector):
    """Distance of the mean level to the target's: every class here has a level of its own."""

    trains_on = "target"
    random = False

    def __init__(self, sharpness: float = 1.0):
        self.sharpness = sharpness
        self.level = torch.zeros(())

    def fit(self, train):
        self.level = train.target.images.float().mean()

    def score(self, batch):
        return self.sharpness * (batch.images.float().mean((1, 2, 3)) - self.level).abs()


class Spy(Brightness):
    """Records the content of every image that a fit sees."""

    trains_on = "known"

    def fit(self, train):
        super().fit(train)
        for part in (train.target, train.known, train.validation):
            SEEN.extend(image.numpy().tobytes() for image in part.images)


class TargetSpy(Brightness):
    """The same for a detector that trains on the target alone."""

    def fit(self, train):
        super().fit(train)
        assert train.known is None
        for part in (train.target, train.validation):
            SEEN.extend(image.numpy().tobytes() for image in part.images)


class Raises(Brightness):
    def fit(self, train):
        raise RuntimeError("the fit went wrong")


class NotFinite(Brightness):
    def score(self, batch):
        return torch.full((len(batch),), float("nan"))


class Unbuilt(Brightness):
    def __init__(self):
        self.level = undefined


def redness(images):
    return images[:, 0].float().mean((1, 2))
'''


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what `SLOW` names."""
    slow = [TESTS / name for name in SLOW]
    gone = [str(path) for path in slow if not path.exists()]
    if gone:
        raise pytest.UsageError(f"SLOW in tests/conftest.py names what is gone: {', '.join(gone)}")
    for item in items:
        if any(path in (item.path, *item.path.parents) for path in slow):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def real_images() -> Path:
    """Folder with msld/, skin18/ and abnormal/, which are not ours to distribute."""
    folder = os.environ.get("MIMBENCH_TEST_DATA")
    if not folder:
        pytest.skip("real images: set MIMBENCH_TEST_DATA to a folder with msld/ and skin18/")
    return Path(folder)


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """ImageNet weights of SqueezeNet 1.0 as .safetensors."""
    path = os.environ.get("MIMBENCH_TEST_WEIGHTS")
    if not path:
        pytest.skip("backbone weights: set MIMBENCH_TEST_WEIGHTS to squeezenet1_0's .safetensors")
    return Path(path)


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a plug-in file."""
    path = tmp_path_factory.mktemp("plugin") / "mine.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by role: data (mpox, measles, eczema), unknown (orf), abnormal (paper)."""
    root = tmp_path_factory.mktemp("images")
    for name, level, seed in (("mpox", 90, 1), ("measles", 140, 2), ("eczema", 60, 3)):
        write_category(root / "data" / name, level, 9, seed)
    write_category(root / "unknown" / "orf", 170, 4, 4)
    write_category(root / "abnormal" / "paper", 230, 3, 5)
    return {name: root / name for name in ("data", "unknown", "abnormal")}


@pytest.fixture(scope="session")
def finished_run(
    folders: dict[str, Path], plugin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of a run of a control and a plug-in on clean images; copy it before changing it."""
    from mimbench.data.dataset import ImageOptions
    from mimbench.evaluation.planning.plan import RunFile, make_plan
    from mimbench.evaluation.runner import execute
    from mimbench.progress import Silent

    images = ImageOptions(
        data=(str(folders["data"]),), unknown=(str(folders["unknown"]),), canonical_size=32
    )
    histogram = {"extends": "histogram", "input_size": 32}  # what the plug-in sees, too
    run = RunFile(name="small", detectors=(histogram, f"{plugin}:Brightness"), data=images)
    out = tmp_path_factory.mktemp("run") / "small"
    assert execute(make_plan(run), out, Silent(), "mimbench run small.toml").failures == ()
    return out


@pytest.fixture(scope="session")
def tables() -> RunTables:
    """The score tables of a run made of numbers alone."""
    return synthetic_tables()


@pytest.fixture(scope="session")
def report(tables: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Their written report, for tests that only read it."""
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run"), tables))
