"""What commands do with a folder before they read there."""

from pathlib import Path

import pytest
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.cli.folder import visit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic_run(
        tmp_path_factory.mktemp("made") / "run", synthetic_tables(conditions=())
    )


def test_the_images_that_a_killed_run_left_are_removed(run: Path) -> None:
    left, mine = run / "pixels.npy.12.partial", run / "film.mp4.12.partial"
    for path in (left, mine):
        path.write_text("pixels")
    visit(run)
    assert not left.exists()
    assert mine.exists()


def test_in_a_folder_that_is_no_run_nothing_is_removed(tmp_path: Path) -> None:
    mine = tmp_path / "pixels.npy.12.partial"
    mine.write_text("mine")
    visit(tmp_path)
    assert mine.read_text() == "mine"
