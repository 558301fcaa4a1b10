"""A run that has nothing to compute reads nothing and computes nothing; any other one does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mimbench.cli import main
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.data.reading.accounting import account
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

    Returns whether it computed.
    """
    began: list[Path] = []
    failures: list[tuple[str, str]] = []

    def compute(settings: Any, folder: Path, *_: object, **options: object) -> RunResult:
        began.append(folder)
        for name in WRITTEN:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        read = {weights: file_hash(weights)} if weights.exists() else {}
        return RunResult(folder, tuple(failures), account(0, 0, ()), read)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "run", compute)
    report = SimpleNamespace(board=SimpleNamespace(rows=["histogram"]))
    for name in ("make_report", "show_report"):
        monkeypatch.setattr(f"mimbench.cli.run.{name}", lambda *_, **__: report)

    def run(*given: str, failed: bool = False) -> bool:
        began.clear()
        failures[:] = [("histogram", "broken")] * failed
        monkeypatch.setattr(sys, "argv", ["mimbench", "run", "--out", "out", "--jobs=0", *given])
        unchanged._code.cache_clear()
        assert main() == (ExitCode.FAILED_ROWS if failed else 0)
        return bool(began)

    return run


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
        runner, "try_plan", lambda *_: planned.append(1) or SimpleNamespace(lines=lambda _: [])
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


def test_photos_and_detectors_and_suites_of_others_are_always_read(
    computed: Repeated, folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text('extends = "histogram"\nname = "mine"\n')
    (tmp_path / "suite.toml").write_text('name = "suite"\ncorruptions = ["brightness"]\n')
    (tmp_path / "run.toml").write_text(
        'detectors = [{ extends = "mim-perceptual", parameters = { weights = "mine.pth" } }]\n'
        'data = { data = ["phantom"] }\n'
    )
    photos = ("--data", str(folders["data"]), "--target", "mpox")
    for given in (
        (*SMALL, *photos),
        (*SMALL, "--unknown", str(folders["unknown"])),
        (*SMALL, "--external", str(folders["unknown"])),
        ("--only", "mine.toml"),
        (*SMALL[:2], "--suite", "suite.toml"),
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
