"""A run that is stopped says so, leaves nothing behind that is in the way, and goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from misbehaving import MISBEHAVING

from mimbench.errors import OutputError
from mimbench.runfolder.lock import check_free, holder, locked

LONG = 600  # seconds; a loaded machine imports slowly


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "misbehaving.py"
    path.write_text(f"# {path}\n{MISBEHAVING}")  # equal files are imported once
    return path


def start(folders: dict[str, Path], plugin: Path, out: Path, *where: str) -> subprocess.Popen[str]:
    """A run in a process group of its own, as far as a fit that hangs."""
    # A shell starts what it puts in the background deaf to Ctrl-C; a terminal does not.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from mimbench.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "run", "--data", str(folders["data"])]
    command += ["--canonical-size", "32", "--suite", "none", "--out", str(out), *where]
    command += ["--only", f"{plugin}:Level", "--only", f"{plugin}:HangsFitting"]
    for path in plugin.parent.glob("hangs-*"):
        path.unlink()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=plugin.parent,
        start_new_session=True,
    )
    wait_for(lambda: process.poll() is not None or any(plugin.parent.glob("hangs-*")))
    assert process.poll() is None, process.communicate()
    return process


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def gone(plugin: Path) -> bool:
    """Whether the worker process that hung has ended."""
    (path,) = plugin.parent.glob("hangs-*")
    try:
        os.kill(int(path.name.removeprefix("hangs-")), 0)
    except ProcessLookupError:
        return True
    return False


def not_one_of(group: int) -> bool:
    """Whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_stopped_run_ends_with_a_sentence_and_blocks_nobody(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cases = [
        (signal.SIGINT, os.killpg, 130),  # Ctrl-C goes to the terminal's whole process group
        (signal.SIGTERM, os.kill, 143),
        (signal.SIGKILL, os.kill, -9),
    ]
    for number, send, code in cases:
        process = start(folders, plugin, out, "--jobs", "2")
        with pytest.raises(OutputError, match=rf"process {process.pid} on .*, since 20.*--jobs 2"):
            check_free(out)
        send(process.pid, number)
        _, errors = process.communicate(timeout=LONG)
        assert process.returncode == code, errors
        wait_for(lambda: gone(plugin))
        assert holder(out) is None
        if number != signal.SIGKILL:
            said = " ".join(errors.split())
            assert re.fullmatch(r"Interrupted\. Repeat [^.]*\.", said), "one remedy, no traceback"
            assert not list(out.rglob("*.partial"))
    assert len(list(out.glob("fits/*.safetensors"))) == 1  # the one that does not hang


def test_workers_that_dask_started_here_end_with_a_stopped_run(
    folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    process = start(folders, plugin, tmp_path / "out", "--dask", "local:1")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=LONG)
    assert process.returncode == 130, errors
    assert re.fullmatch(r"Interrupted\. Repeat [^.]*\.", " ".join(errors.split()))
    wait_for(lambda: gone(plugin) and not_one_of(process.pid))
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_one_run_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path / "run", "mimbench run --first"):
        with (
            pytest.raises(OutputError, match=rf"{os.getpid()}.*mimbench run --first.*--out"),
            locked(tmp_path / "run"),
        ):
            pass
        with locked(tmp_path / "other"):
            pass
    with locked(tmp_path / "run"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another folder"), locked(tmp_path / "file"):
        pass
