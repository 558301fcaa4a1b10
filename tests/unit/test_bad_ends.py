"""However a run ends: one sentence, no photo that somebody else can read, and no lost work."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_images import write_category

from mimbench.cli import main
from mimbench.evaluation.execution.worker_pool import Jobs
from mimbench.evaluation.external.external import score_external
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.runfolder.cleanup import leftovers
from mimbench.runfolder.lock import locked
from mimbench.scores.run_files import check_external

LEFT = "pixels.npy.99.partial"
DELETES = '''
import shutil
from pathlib import Path

from mimbench import Detector

class Deletes(Detector):
    """Takes the run's folder away while it is fitted."""

    trains_on = "target"
    random = False

    def fit(self, train):
        shutil.rmtree(Path(train.checkpoint).parent.parent)

    def score(self, batch):
        return batch.images.float().mean((1, 2, 3))


class Looks(Deletes):
    """Writes down who may read the copy of the images."""

    def fit(self, train):
        folder = Path(train.checkpoint).parent.parent
        modes = [oct(path.stat().st_mode & 0o777) for path in folder.glob("pixels.npy.*")]
        Path(__file__).with_suffix(".modes").write_text(" ".join(modes))
'''


@pytest.fixture
def plan(folders: dict[str, Path], tmp_path: Path) -> Any:
    (tmp_path / "mine.py").write_text(DELETES)

    def planned(name: str) -> Plan:
        from mimbench.data.dataset import ImageOptions

        images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
        detector = f"{tmp_path / 'mine.py'}:{name}"
        return make_plan(RunFile(name="small", detectors=(detector,), data=images))

    return planned


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["mimbench", *map(str, words)])
    return main()


def test_the_copy_of_the_images_is_for_the_user_alone(plan: Any, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        execute(plan("Looks"), tmp_path / "out", Silent(), jobs=Jobs.of(1, None))
    finally:
        os.umask(before)
    assert (tmp_path / "mine.modes").read_text() == "0o600"
    assert not list((tmp_path / "out").glob("pixels*"))


@pytest.mark.parametrize("line", ["report RUN --quiet", "verify RUN", "gate RUN RUN", "runs RUN",
                                  "runs PARENT", "runs clean RUN --yes",
                                  "subgroups RUN --by source"])  # fmt: skip
def test_what_a_killed_run_left_of_the_images_is_removed_by_the_next_command(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "runs" / "run"))
    (run / LEFT).write_bytes(b"photos")
    (run / "pixels.npy").write_bytes(b"the user's own")
    words = [{"RUN": run, "PARENT": run.parent}.get(word, word) for word in line.split()]
    with locked(run):
        command(monkeypatch, *words)
        assert (run / LEFT).exists(), "a run at work needs it"
    command(monkeypatch, *words)
    assert not (run / LEFT).exists()
    assert (run / "pixels.npy").exists()


def test_clean_names_what_a_killed_run_left(finished_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "run"))
    (run / LEFT).write_bytes(b"photos")
    assert [path.name for found in leftovers(run) for path in found.paths] == [LEFT]


def test_scoring_other_images_writes_nothing_into_the_run(
    finished_run: Path, plugin: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "run"))
    write_category(tmp_path / "site" / "mpox", 90, 2, 7)
    for path in [*run.rglob("*"), run]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    times = {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]}
    named = [f"{plugin}:Brightness"]
    found = score_external(run, [str(tmp_path / "site")], Silent(), named)
    assert len(found.test.verdicts)
    assert {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]} == times


def test_a_place_that_cannot_be_written_is_noticed_before_anything_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimbench.errors import OutputError

    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(OutputError, match="--out"):
        check_external(tmp_path / "run" / "external")


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_limit_on_the_size_of_files_is_one_sentence_and_the_same_command_goes_on(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ("run", "--data", folders["data"], "--only", "histogram", "--canonical-size", "32",
            "--out", "out", "--jobs", jobs, "--quiet", "--folds", "1")  # fmt: skip
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        monkeypatch.setattr("sys.stderr", file)
        with files_of_at_most(4000):
            code = command(monkeypatch, *line)
    said = " ".join(errors.read_text().split())
    assert code == 64, said
    assert "ulimit -f" in said or "File too large" in said
    assert "crashed" not in said
    if jobs == 0:
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        assert command(monkeypatch, *line) == 0


@pytest.mark.parametrize("jobs", [None, 1])
def test_a_folder_that_is_deleted_under_a_run_is_one_sentence(
    plan: Any, tmp_path: Path, jobs: int | None
) -> None:
    from mimbench.errors import OutputError

    with pytest.raises(OutputError, match=r"is gone: it was deleted or moved") as error:
        execute(plan("Deletes"), tmp_path / "out", Silent(), jobs=jobs and Jobs.of(jobs, None))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("module", ["typer", "pandas", "torch"])
def test_control_c_while_modules_are_imported_is_one_word(module: str, tmp_path: Path) -> None:
    program = f"""
import sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
sys.argv = ["mimbench", "run", "--data", "phantom", "--out", {str(tmp_path / "out")!r}]
from mimbench.__main__ import main
sys.exit(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr
    assert "Interrupted." in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
