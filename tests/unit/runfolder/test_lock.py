"""The lock of a run's folder: on systems without flock too, and never through a link."""

import fcntl
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mimbench.errors import OutputError
from mimbench.runfolder.lock import check_free, holder, locked


def locked_byte(descriptor: int, mode: int, count: int) -> None:
    """What Windows does: one kind of lock, OSError where it is taken."""
    assert (mode, count) == (2, 1)
    assert os.lseek(descriptor, 0, os.SEEK_CUR) > 10**6, "the content stays readable"
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.fixture(params=["linux", "windows"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "windows":
        monkeypatch.setitem(sys.modules, "fcntl", None)
        windows = SimpleNamespace(LK_NBLCK=2, locking=locked_byte)
        monkeypatch.setitem(sys.modules, "msvcrt", windows)


@pytest.mark.usefixtures("_system")
def test_a_second_run_in_a_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    with locked(tmp_path, "mimbench run --first"):
        assert f"process {os.getpid()}" in str(holder(tmp_path))
        with pytest.raises(OutputError, match="mimbench run --first"):
            check_free(tmp_path)
    assert holder(tmp_path) is None
    with locked(tmp_path):
        pass


def test_a_system_without_any_lock_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    with locked(tmp_path):
        assert holder(tmp_path) is None


@pytest.mark.parametrize("kind", ["symbolic", "hard", "pipe"])
def test_a_lock_file_that_is_something_else_is_refused_and_left_alone(
    tmp_path: Path, kind: str
) -> None:
    run, victim = tmp_path / "run", tmp_path / "victim"
    run.mkdir()
    victim.write_text("precious")
    if kind == "symbolic":
        (run / ".lock").symlink_to(victim)
    elif kind == "hard":
        (run / ".lock").hardlink_to(victim)
    else:
        os.mkfifo(run / ".lock")
    with pytest.raises(OutputError, match=r"\.lock"), locked(run):
        pass
    assert holder(run) is None
    assert victim.read_text() == "precious"
