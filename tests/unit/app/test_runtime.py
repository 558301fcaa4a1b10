"""The runtime's files are found, or one sentence says how to get them."""

import shutil
from pathlib import Path

import pytest

from mimbench.app import runtime
from mimbench.errors import MissingPartError


def test_a_folder_with_the_files_serves_whether_it_is_the_package_or_its_dist(
    tmp_path: Path,
) -> None:
    (tmp_path / "dist").mkdir()
    for name in runtime.FILES:
        (tmp_path / "dist" / name).write_text("x")
    assert runtime.runtime_files(tmp_path) == runtime.runtime_files(tmp_path / "dist")


def test_a_folder_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=r"ort-wasm-simd-threaded\.wasm.*--runtime"):
        runtime.runtime_files(tmp_path)


def test_without_npm_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingPartError, match=r"npm.*--runtime"):
        runtime.runtime_files()


def test_another_archive_than_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho other > "$5/onnxruntime-web.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "which", lambda name: str(npm))
    with pytest.raises(MissingPartError, match="SHA-512"):
        runtime.runtime_files()
    assert not list((tmp_path / "cache").rglob("*.wasm"))


def test_without_a_home_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "user_cache", lambda: None)
    with pytest.raises(MissingPartError, match=r"XDG_CACHE_HOME.*--runtime"):
        runtime.runtime_files()
