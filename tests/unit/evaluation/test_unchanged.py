"""A run that has nothing to compute reads nothing and computes nothing; any other one does."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mimbench.cli import main
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.data.folder_state import folder_state
from mimbench.data.reading.accounting import Accounting
from mimbench.evaluation import runner, unchanged
from mimbench.evaluation.runner import RunResult
from mimbench.files import cache_record, file_hash

# what a run writes: enough to see whether it is still there
WRITTEN = (
    *("run.json", "starts.json", "scores.parquet", "fits.parquet", "images.parquet", "audit.html"),
    *("audit.csv", "rejected.csv", "training.csv", "gallery/000-mim.png", "audit/audit-0.json"),
    *("fits/0123456789abcdef.safetensors", "fits/0123456789abcdef.json"),
    "blocks/0123456789abcdef/0123456789abcdef01234567.parquet",
)
SMALL = ("--only", "histogram", "--suite", "none")
PHOTOS = (*SMALL, "--data", "photos", "--target", "mpox")
SUITE = 'name = "suite"\ncorruptions = ["brightness"]\nseverities = [{}]\n'
LATER = 10**10  # nanoseconds, after which a file is no longer one that had just changed

Repeated = Callable[..., bool]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "installed" / "weights.pth"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def computed(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Repeated:
    """Run the command in a folder, where files stand for what is computed and reported.

    Returns whether it computed. It is given what the run came to, and what happens while it
    computes.
    """
    began: list[Path] = []
    told: dict[str, Any] = {}

    def compute(settings: Any, folder: Path, *_: object, **options: object) -> RunResult:
        began.append(folder)
        told.get("meanwhile", lambda: None)()
        for name in WRITTEN:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        read = {weights: file_hash(weights)} if weights.exists() else {}
        failures = (("histogram", "broken"),) if told.get("failed") else ()
        files = Accounting(8, told.get("rejected", 0), {"hidden file": 1})
        return RunResult(folder, failures, files, read, told.get("further", False))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "run", compute)
    monkeypatch.setattr("mimbench.cli.run.time_ns", lambda: time.time_ns() + LATER)
    board = SimpleNamespace(rows=["histogram"], warnings=())
    report = SimpleNamespace(board=board, page=tmp_path, doubts=(), leaderboard=[], again=True)
    monkeypatch.setattr("mimbench.cli.run.make_report", lambda *_: report)
    for shown in ("leaderboard_table", "without_spare_controls"):
        monkeypatch.setattr(f"mimbench.report.leaderboard.printed.{shown}", lambda _: "")

    def run(*given: str, **happens: Any) -> bool:
        began.clear()
        told.clear()
        told.update(happens)
        monkeypatch.setattr(sys, "argv", ["mimbench", "run", "--out", "out", "--jobs=0", *given])
        unchanged._code.cache_clear()
        assert main() == (ExitCode.FAILED_ROWS if told.get("failed") else 0)
        return bool(began)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("mpox/1.png", "orf/1.png", "metadata.csv"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "photos"


def test_the_same_run_again_computes_nothing_and_says_so(
    computed: Repeated, capsys: pytest.CaptureFixture[str]
) -> None:
    assert computed(*SMALL)
    assert "Nothing to compute" not in capsys.readouterr().out
    assert not computed(*SMALL)
    shown = capsys.readouterr().out
    assert "Nothing to compute" in shown
    assert "next: mimbench verify out" in shown
    assert not computed(*SMALL, "--json")


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_that_is_missing_or_another_is_computed_again(computed: Repeated, name: str) -> None:
    assert computed(*SMALL)
    Path("out", name).write_text("edited")
    assert computed(*SMALL)
    Path("out", name).unlink()
    assert computed(*SMALL)
    assert not computed(*SMALL)


@pytest.mark.parametrize(
    "given",
    [
        ("--only", "histogram", "--suite", "quick"),
        ("--only", "complexity", "--suite", "none"),
        (*SMALL, "--folds", "2"),
        (*SMALL, "--plan-seed", "1"),
        (*SMALL, "--jobs", "1"),
        (*SMALL, "--strict"),
        (*SMALL, "--dry-run"),
    ],
)
def test_other_options_are_another_run(
    computed: Repeated, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[object] = []
    monkeypatch.setattr(
        runner,
        "try_plan",
        lambda *_, **__: planned.append(1) or SimpleNamespace(lines=lambda _: []),
    )
    assert computed(*SMALL)
    assert computed(*given) or planned


def test_what_a_run_depends_on_is_looked_at(
    computed: Repeated, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, library = tmp_path / "code", tmp_path / "lib" / "torch-2.0.dist-info"
    (package / "evaluation").mkdir(parents=True)
    library.mkdir(parents=True)
    monkeypatch.setattr(unchanged, "PACKAGE", package)
    monkeypatch.setattr(unchanged, "shipped", lambda kind: tmp_path / kind)
    monkeypatch.syspath_prepend(library.parent)
    for kind in ("baselines", "corruptions"):
        (tmp_path / kind).mkdir()
    changes: dict[str, Callable[[], object]] = {
        "code": lambda: (package / "evaluation" / "more.py").write_text("print()"),
        "a recipe": lambda: (tmp_path / "baselines" / "mim.toml").write_text("steps = 1"),
        "a corruption": lambda: (tmp_path / "corruptions" / "quick.toml").write_text("x = 1"),
        "a version": lambda: library.rename(library.with_name("torch-2.1.dist-info")),
        "weights": lambda: weights.write_bytes(b"better"),
        "no weights": weights.unlink,
        "threads": lambda: monkeypatch.setenv("OMP_NUM_THREADS", "3"),
        "the record": lambda: record(tmp_path / "out").write_text("{}"),
        "no record": lambda: record(tmp_path / "out").unlink(),
    }
    assert computed(*SMALL)
    for what, change in changes.items():
        change()
        assert computed(*SMALL), what
        assert not computed(*SMALL), what


def test_a_run_with_a_failed_row_tries_it_again(computed: Repeated) -> None:
    assert computed(*SMALL, failed=True)
    assert computed(*SMALL)
    assert not computed(*SMALL)


def test_photos_are_looked_at_and_not_read(
    computed: Repeated, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert computed(*PHOTOS)
    assert not computed(*PHOTOS)
    assert "9 files found: 8 read, 0 rejected, 1 left out (hidden file 1)." in (
        capsys.readouterr().out
    )
    assert not computed(*PHOTOS, "--json")
    assert json.loads(capsys.readouterr().out)["files"]["read"] == 8


def test_a_change_of_photos_or_of_a_table_beside_them_is_seen(
    computed: Repeated, photos: Path
) -> None:
    changes: dict[str, Callable[[], object]] = {
        "a photo": lambda: (photos / "mpox/1.png").write_text("another photo"),
        "a table": lambda: (photos / "metadata.csv").write_text("image,dx,age"),
        "added": lambda: (photos / "mpox/2.png").write_text(""),
        "renamed": lambda: (photos / "mpox/2.png").rename(photos / "mpox/3.png"),
        "replaced": lambda: (photos / "mpox/3.png").replace(photos / "mpox/1.png"),
        "removed": lambda: (photos / "mpox/1.png").unlink(),
    }
    assert computed(*PHOTOS)
    for what, change in changes.items():
        change()
        assert computed(*PHOTOS), what
        assert not computed(*PHOTOS), what


@pytest.mark.parametrize("flag", ["--unknown", "--abnormal", "--external"])
def test_photos_of_every_role_are_looked_at(computed: Repeated, photos: Path, flag: str) -> None:
    given = (*SMALL, flag, "photos")
    assert computed(*given)
    assert not computed(*given)
    (photos / "mpox/1.png").write_text("another photo")
    assert computed(*given)


def test_photos_that_change_while_a_run_reads_them_are_read_again(
    computed: Repeated, photos: Path
) -> None:
    change = {"meanwhile": lambda: (photos / "mpox/1.png").write_text("another photo")}
    assert computed(*PHOTOS, **change)
    assert computed(*PHOTOS)
    assert not computed(*PHOTOS)


def test_a_photo_that_changed_just_before_it_was_read_is_read_again(
    computed: Repeated, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = folder_state(photos)
    assert state is not None
    for later, sure in ((-LATER, False), (unchanged.ONE_TIME, False), (LATER, True)):
        now = state.changed + later
        monkeypatch.setattr("mimbench.cli.run.time_ns", lambda now=now: now)
        assert computed(*PHOTOS)
        assert computed(*PHOTOS) is not sure


@pytest.mark.parametrize("happens", [{"rejected": 1}, {"further": True}])
def test_what_may_be_otherwise_next_time_is_read_again(
    computed: Repeated, photos: Path, happens: dict[str, Any]
) -> None:
    assert computed(*PHOTOS, **happens)
    assert computed(*PHOTOS)
    assert not computed(*PHOTOS)


def test_a_changed_recipe_or_suite_of_ones_own_is_seen(computed: Repeated) -> None:
    recipe, suite = Path("mine.toml"), Path("suite.toml")
    recipe.write_text('extends = "histogram"\nname = "mine"\n')
    suite.write_text(SUITE.format(1))
    given = ("--only", "mine.toml", "--suite", "suite.toml")
    assert computed(*given)
    assert not computed(*given)
    recipe.write_text('extends = "histogram"\nname = "mine"\ninput_size = 32\n')
    assert computed(*given)
    suite.write_text(SUITE.format(2))
    assert computed(*given)
    assert not computed(*given)


def test_what_detectors_of_others_and_lists_of_photos_lead_to_is_always_read(
    computed: Repeated, photos: Path, plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(f'detector = "{plugin}:Brightness"\nname = "mine"\n')
    (tmp_path / "list.csv").write_text("path,category\nphotos/mpox/1.png,mpox\n")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "mpox").symlink_to(photos / "mpox")
    (tmp_path / "run.toml").write_text(
        'detectors = [{ extends = "mim-perceptual", parameters = { weights = "mine.pth" } }]\n'
        'data = { data = ["phantom"] }\n'
    )
    for given in (
        (*SMALL, "--data", "list.csv"),
        (*SMALL, "--data", "linked"),
        (*PHOTOS, "--harmonise"),
        ("--only", "mine.toml"),
        ("--only", f"{plugin}:Brightness"),
        ("run.toml",),
    ):
        assert computed(*given)
        assert computed(*given), given


def test_other_numbers_in_a_shipped_recipe_are_part_of_the_options(
    computed: Repeated, tmp_path: Path
) -> None:
    def steps(count: int) -> str:
        mim = f'{{ extends = "mim", parameters = {{ steps = {count} }} }}'
        text = f'detectors = [{mim}]\ndata = {{ data = ["phantom"] }}\n'
        (tmp_path / "run.toml").write_text(text)
        return "run.toml"

    assert computed(steps(50))
    assert not computed(steps(50))
    assert computed(steps(51))


def test_neither_torch_nor_what_makes_a_report_is_imported() -> None:
    heavy = ("torch", "sklearn", "scipy", "numba", "seaborn", "mimbench.report.build")
    code = (
        "import sys, mimbench.cli.run, mimbench.evaluation.unchanged, mimbench.report.unchanged\n"
        "import mimbench.report.leaderboard.printed, mimbench.data.reading.accounting\n"
        f"sys.exit(sum(name in sys.modules for name in {heavy}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def record(folder: Path) -> Path:
    path = cache_record(unchanged.KIND, folder)
    assert path is not None
    return path
