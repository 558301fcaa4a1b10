"""The gallery shows generated images only: what was seen, hidden, made, and how far off it is."""

import json
from pathlib import Path

import cv2
import pytest

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.plan import RunFile, make_plan
from mimbench.evaluation.progress import Silent
from mimbench.evaluation.runner import execute


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = ImageOptions(data=("phantom",), abnormal=("generated",))
    run = RunFile(detectors=("random-generator", "telea"), data=images)
    out = tmp_path_factory.mktemp("phantom")
    execute(make_plan(run), out, Silent())
    return out / "gallery"


def test_each_picture_is_a_row_of_four_tiles(gallery: Path) -> None:
    entries = json.loads((gallery / "gallery.json").read_text())
    assert {entry["role"] for entry in entries} == {"target", "known", "abnormal"}
    assert {entry["detector"] for entry in entries} == {"random-generator"}
    for entry in entries:
        strip = cv2.imread(str(gallery / entry["file"]))
        side = strip.shape[0]
        assert strip.shape == (side, 4 * side, 3)
        original, masked = strip[:, :side], strip[:, side : 2 * side]
        hidden = (masked != original).any(axis=2).mean()
        assert 0.2 < hidden <= 0.51  # one checkerboard; grey pixels can equal the mask's


def test_photos_of_people_are_never_copied(folders: dict[str, Path], tmp_path: Path) -> None:
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    execute(make_plan(RunFile(detectors=("random-generator",), data=images)), tmp_path, Silent())
    assert not (tmp_path / "gallery").exists()
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".png", ".jpg")]
    assert (tmp_path / "scores.parquet").is_file()
