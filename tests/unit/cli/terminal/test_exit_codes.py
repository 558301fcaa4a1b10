"""A crash never has the exit code of an answer, whichever command it happens in."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer.main
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.__main__ import main
from mimbench.cli import app
from mimbench.cli.terminal.exit_codes import MEANINGS, ExitCode

ANSWERS = {ExitCode.DONE, ExitCode.NO, ExitCode.NOT_COMPARABLE, ExitCode.FAILED_ROWS}

# what each command calls to do its work, and a command line
COMMANDS: dict[str, tuple[str, list[str]]] = {
    "run": ("mimbench.cli.run.resolve_run", []),
    "report": ("mimbench.report.write_report", ["RUN"]),
    "score": ("mimbench.evaluation.external.external.score_external", ["RUN", "images"]),
    "verify": ("mimbench.claims.read_claims", ["RUN"]),
    "gate": ("mimbench.scores.reading.read_tables", ["RUN", "RUN"]),
    "subgroups": (
        "mimbench.report.subgroups.write_subgroups",
        ["RUN", "--by", "source"],
    ),
    "explain": ("mimbench.evaluation.explain.explain", ["RUN", "image"]),
    "log": ("mimbench.report.write_report", ["RUN", "--to", "mlflow"]),
    "table": ("mimbench.api.open_run", ["RUN"]),
    "compare": ("mimbench.runfolder.reading.read_run", ["RUN", "RUN"]),
    "card": ("mimbench.runfolder.reading.read_run", ["RUN"]),
    "app": ("mimbench.app.build.build_app", ["RUN", "out"]),
    "init": ("mimbench.recipes.shipped", ["gate"]),
    "list": ("mimbench.cli.listing.listing", ["suites"]),
    "check": ("mimbench.testing.check", ["histogram"]),
    "corrupt": ("mimbench.cli.corrupt.corrupt_tree", ["in", "out"]),
    "export-conditions": ("mimbench.evaluation.export.export_conditions", ["RUN", "out"]),
    "data get": ("mimbench.data.sets.facts.data_set", ["msld"]),
    "data export": ("mimbench.data.croissant.write_croissant", ["images", "out.json"]),
    "data show": ("mimbench.data.dataset.survey", ["images"]),
    "data check": ("mimbench.cli.listing.audit_images", ["images"]),
    "data phantom": ("mimbench.data.export.write_phantom", ["out"]),
    "runs list": ("mimbench.runfolder.cleanup.find_runs", ["."]),
    "runs compact": ("mimbench.runfolder.compact.write_compact", ["RUN", "out"]),
    "runs clean": ("mimbench.runfolder.cleanup.leftovers", ["RUN"]),
}

Shown = tuple[int, str, str]
Command = Callable[..., Shown]


@pytest.fixture
def mimbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    import_module("mimbench.gate")  # or its modules would keep what a test puts into others
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("mimbench.cli.terminal.streams.WIDTH", 1000)

    def run(*arguments: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["mimbench", *arguments])
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def leaves(command: Any, name: str = "") -> list[str]:
    if not hasattr(command, "commands"):
        return [name]
    return [
        leaf
        for sub, inner in command.commands.items()
        for leaf in leaves(inner, f"{name} {sub}".strip())
    ]


def test_every_command_is_tried() -> None:
    assert set(COMMANDS) == set(leaves(typer.main.get_command(app)))


def test_the_documented_codes_are_all_there_are() -> None:
    assert set(MEANINGS) == set(ExitCode)
    assert {code for code in ExitCode if code < 64} == ANSWERS


def test_an_installation_that_cannot_be_imported_has_no_exit_code_of_an_answer(
    tmp_path: Path,
) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('a damaged library')\n")
    done = subprocess.run(
        [sys.executable, "-m", "mimbench", "gate", "a", "b"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.CRASHED
    assert "a damaged library" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unexpected_error_is_one_line_a_file_and_a_code_of_its_own(
    command: str, mimbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, arguments = COMMANDS[command]
    for name in ("RUN", "images"):
        (tmp_path / name).mkdir()
    errors = {
        ValueError("\x1b]0;owned\x07\nbad"): ExitCode.CRASHED,
        SystemExit(0): ExitCode.CRASHED,
        MemoryError(): ExitCode.CRASHED,
        BrokenPipeError(32, "Broken pipe"): ExitCode.CRASHED,
        PermissionError(13, "Permission denied", "a_file"): ExitCode.USAGE,
        KeyboardInterrupt(): ExitCode.INTERRUPTED,
    }
    for error, code in errors.items():

        def fail(*_: object, error: BaseException = error, **__: object) -> NoReturn:
            raise error

        monkeypatch.setattr(target, fail)
        ended, _, said = mimbench(*command.split(), *arguments)
        assert ended == code, (error, said)
        assert "Traceback" not in said
        assert "\x1b" not in said
        assert said.count("\n") <= 2, said
        kept = list(tmp_path.glob("mimbench-*.txt"))
        assert bool(kept) == (code == ExitCode.CRASHED)
        for path in kept:
            assert str(path) in said
            text = path.read_text()
            assert f"mimbench {command}" in text
            assert "Traceback" in text
            assert type(error).__name__ in text
            path.unlink()
        assert "a_file: Permission denied" in said or code != ExitCode.USAGE


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = synthetic_tables(conditions=())
    return write_synthetic_run(tmp_path_factory.mktemp("runs") / "run", tables)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_an_output_that_cannot_be_written_is_neither_an_answer_nor_a_traceback(
    run_folder: Path,
) -> None:
    command = [sys.executable, "-m", "mimbench"]
    gate = [*command, "gate", str(run_folder), str(run_folder)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*gate, "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == ExitCode.UNWRITABLE, done.stderr
    assert "Traceback" not in done.stderr  # what the gate says to people comes before the error
    assert "No space left" in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    version = [*command, "--version"]
    done = subprocess.run(version, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (ExitCode.READER_GONE, "")
    reader, writer = os.pipe()
    os.close(reader)
    helped = subprocess.run(
        [*command, "gate", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (helped.returncode, helped.stderr) == (ExitCode.READER_GONE, "")
    shell = ["sh", "-c", '"$@" >&-', "sh", *version]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (ExitCode.DONE, ""), "the code is the answer"


def test_ctrl_c_while_everything_is_imported_is_one_word(
    mimbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("mimbench.cli.main", interrupted)
    assert mimbench("--version") == (ExitCode.INTERRUPTED, "", "Interrupted.\n")
