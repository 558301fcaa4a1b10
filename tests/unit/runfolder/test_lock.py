"""The lock of a run's folder: who holds it is said, and never through a link."""

import errno
import os
from pathlib import Path

import filelock
import pytest

from mimbench.errors import OutputError
from mimbench.runfolder.lock import check_free, holder, locked


def test_a_second_run_in_a_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    with locked(tmp_path, "mimbench run --first"):
        assert f"process {os.getpid()}" in str(holder(tmp_path))
        with pytest.raises(OutputError, match="mimbench run --first"):
            check_free(tmp_path)
        with pytest.raises(OutputError, match="mimbench run --first"), locked(tmp_path):
            pass
        assert f"process {os.getpid()}" in str(holder(tmp_path)), "who was refused left it as it is"
    assert holder(tmp_path) is None
    with locked(tmp_path):
        pass


def test_who_holds_it_can_be_read_where_the_locked_byte_cannot(tmp_path: Path) -> None:
    """As on Windows, where the lock is on the first byte."""
    with locked(tmp_path, "mimbench run"):
        content = (tmp_path / ".lock").read_bytes()
    assert content[:1] == b" "
    assert (tmp_path / ".lock").read_bytes().strip() == b"", "nobody is named afterwards"


def test_a_folder_that_is_only_to_be_read_says_who_holds_it(tmp_path: Path) -> None:
    with locked(tmp_path, "mimbench run"):
        (tmp_path / ".lock").chmod(0o444)
        assert "mimbench run" in str(holder(tmp_path))


def test_a_system_without_any_lock_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(descriptor: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(filelock, "lock_descriptor", missing)
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
