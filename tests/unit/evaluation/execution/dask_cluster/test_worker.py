"""Whether a machine can take part in a run, and files on their way between machines."""

from dataclasses import replace
from pathlib import Path

import pytest

from mimbench.evaluation.execution.dask_cluster.worker import (
    Package,
    read_files,
    versions,
    write_files,
)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    token = tmp_path / "dask.json.1.partial"
    token.write_text("7")
    return Package("run", b"", tmp_path, tmp_path / "pixels", (token, "7"), versions(), None)


def test_a_machine_that_sees_the_folder_and_has_the_versions_takes_part(package: Package) -> None:
    assert package.problem() is None


def test_another_version_is_named_with_the_one_that_is_wanted(package: Package) -> None:
    other = replace(package, versions={**package.versions, "numpy": "1.0", "absent": "2.0"})
    problem = other.problem()
    assert problem is not None
    assert f"numpy {package.versions['numpy']} instead of 1.0" in problem
    assert "absent missing instead of 2.0" in problem
    assert "torch" not in problem


@pytest.mark.parametrize("content", [None, "8"])
def test_another_folder_of_the_same_name_is_noticed(package: Package, content: str | None) -> None:
    assert package.token is not None
    path, _ = package.token
    path.unlink() if content is None else path.write_text(content)
    problem = package.problem()
    assert problem is not None
    assert str(package.folder) in problem
    assert "--dask-transfer" in problem
    assert replace(package, token=None).problem() is None


def test_files_arrive_as_they_were_in_place_of_damaged_ones(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    names = ("fits/a.safetensors", "fits/a.json", "blocks/a/b.parquet")
    for folder, content in ((there, b"whole"), (here, b"damaged")):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    write_files(here, read_files(there, [there / name for name in names]))
    assert {(here / name).read_bytes() for name in names} == {b"whole"}
