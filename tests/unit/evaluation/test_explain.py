"""One image explained: its numbers are those of the run, and a new photo is read alone."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_images import write_category

from mimbench.cli import main
from mimbench.data.dataset import ImageOptions
from mimbench.errors import DataError
from mimbench.evaluation.explain import Explanation, explain
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables


@pytest.fixture(scope="module")
def run(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos and generated abnormal images."""
    data = ImageOptions(data=(str(folders["data"]),), abnormal=("generated",), canonical_size=32)
    run = RunFile(detectors=("random-generator", "histogram"), data=data)
    folder = tmp_path_factory.mktemp("explained") / "run"
    execute(make_plan(run), folder, Silent())
    return folder


def of(found: Explanation, row: str) -> float:
    return next(own.score for own in found.scores if own.row == row)


@pytest.mark.parametrize("role", ["target", "abnormal"])
def test_scores_of_an_image_of_the_run_are_those_of_its_table(run: Path, role: str) -> None:
    tables = read_tables(run)
    images = tables.images
    image = images[(images["role"] == role) & (images["split_0"] == "test")].iloc[0]
    found = explain(run, image["image_id"][:16], Silent())
    assert not found.notes
    assert found.image["category"] == image["category"]
    clean = tables.scores[tables.scores["corruption"] == "clean"]
    own = clean[clean["image_id"] == image["image_id"]]
    assert {score.row for score in found.scores} == set(own["score"])
    for row, part in own.groupby("score"):
        assert np.isclose(part["value"], of(found, row), rtol=1e-3, atol=1e-5).any()
    assert all(own.accepted == (own.score <= own.threshold) for own in found.scores)
    assert list(found.strips) == ["random-generator"]
    assert found.strips["random-generator"].shape == (64, 4 * 64, 3)


def test_a_new_photo_and_one_that_was_trained_on(run: Path, tmp_path: Path) -> None:
    write_category(tmp_path / "new", 120, 1, 77)
    photo = next(path for path in (tmp_path / "new").rglob("*") if path.is_file())
    found = explain(run, str(photo), Silent())
    assert "role" not in found.image
    assert found.scores
    images = read_tables(run).images
    seen = images[images["split_0"] == "train"].iloc[0]
    assert "train" in explain(run, seen["path"] or seen["image_id"], Silent()).notes[0]
    with pytest.raises(DataError, match=r"nothing\.jpg is neither a file nor an image"):
        explain(run, "nothing.jpg", Silent())
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.jpg cannot be read"):
        explain(run, str(tmp_path / "broken.jpg"), Silent())


def test_the_command_writes_a_picture_and_json(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_category(tmp_path / "new", 120, 1, 78)
    photo = next(path for path in (tmp_path / "new").rglob("*") if path.is_file())
    out = tmp_path / "out"
    arguments = ["explain", str(run), str(photo), "--out", str(out), "--quiet"]
    monkeypatch.setattr("sys.argv", ["mimbench", *arguments])
    assert main() == 0
    said = capsys.readouterr().out
    assert "histogram" in said
    assert "threshold" in said
    (picture,) = out.glob("*.png")
    assert cv2.imread(str(picture)).shape == (64, 4 * 64, 3)
    (record,) = out.glob("*.json")
    scores = json.loads(record.read_text())["scores"]
    assert {"row", "score", "threshold", "accepted"} <= scores[0].keys()
