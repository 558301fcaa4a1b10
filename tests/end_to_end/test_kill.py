"""A run that is killed at any moment ends, when repeated, with the tables of an uninterrupted one.

The full version: `MIMBENCH_KILLS=100 pytest tests/end_to_end/test_kill.py`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

KILLS = int(os.environ.get("MIMBENCH_KILLS", "20"))
RECIPE = """
extends = "mim"
input_size = 32
scores = ["l1", "residual"]
parameters = { width = 4, steps = 260, batch_size = 4 }
"""


def run(folders: dict[str, Path], tmp_path: Path, name: str, kills: int) -> RunTables:
    recipe = tmp_path / "mim.toml"
    recipe.write_text(RECIPE)
    script = Path(__file__).parents[1] / "helpers" / "killing.py"
    command = [sys.executable, str(script), str(folders["data"]), str(recipe), str(tmp_path / name)]
    done = subprocess.run([*command, str(kills), "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == f"{kills} killed\n"
    return read_tables(tmp_path / name)


@pytest.fixture(scope="module")
def whole(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    run(folders, folder, "run", 0)
    return folder


def test_killed_at_random_moments_the_tables_are_bit_identical(
    folders: dict[str, Path], whole: Path, tmp_path: Path
) -> None:
    expected = read_tables(whole / "run")
    killed = run(folders, tmp_path, "run", KILLS)
    pd.testing.assert_frame_equal(expected.scores, killed.scores, check_exact=True)
    pd.testing.assert_frame_equal(expected.images, killed.images)
    columns = ["fit_id", "detector", "fold", "seed", "status", "state_hash"]
    pd.testing.assert_frame_equal(expected.fits[columns], killed.fits[columns])


def test_damaged_entries_are_computed_again(
    folders: dict[str, Path], whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole / "run", tmp_path / "run")
    for kind in ("fits/*.safetensors", "fits/*.json", "blocks/*/*.parquet"):
        for path in sorted((tmp_path / "run").glob(kind))[::2]:
            content = bytearray(path.read_bytes())
            content[len(content) // 3] ^= 0xFF
            path.write_bytes(bytes(content))
    again = run(folders, tmp_path, "run", 0)
    expected = read_tables(whole / "run")
    pd.testing.assert_frame_equal(expected.scores, again.scores, check_exact=True)
