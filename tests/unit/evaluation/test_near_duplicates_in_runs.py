"""A run says once what it made of near-duplicates, and compares the same pictures only once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions
from mimbench.data.near_duplicates import comparison, pairs
from mimbench.evaluation.planning.plan import RunFile
from mimbench.evaluation.runner import run
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import AUDIT


class Told(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def _picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture
def settings(tmp_path: Path) -> RunFile:
    """Two categories, one photo of which is a crop of one of its own, another of the other's."""
    for place, category in enumerate(("mpox", "acne")):
        (tmp_path / "data" / category).mkdir(parents=True)
        for number in range(6):
            picture = _picture(10 * place + number)
            picture.save(tmp_path / "data" / category / f"{number}.png")
    _picture(3).crop((0, 0, 80, 80)).save(tmp_path / "data" / "mpox" / "crop.png")
    _picture(14).rotate(90).save(tmp_path / "data" / "mpox" / "turned.png")
    images = ImageOptions(data=(str(tmp_path / "data"),), canonical_size=32)
    return RunFile(detectors=("histogram",), data=images)


def test_a_run_prints_one_line_and_lists_every_pair(settings: RunFile, tmp_path: Path) -> None:
    told = Told()
    run(settings, tmp_path / "run", told)
    (line,) = [message for message in told.messages if "near-duplicates" in message]
    assert "1 pair across categories or roles, 2 images are left out" in line
    assert "1 pair of different patients, who count as one" in line
    audit = pd.read_csv(tmp_path / "run" / "audit.csv")
    listed = audit.loc[audit["check"] == "near-duplicates", "message"]
    assert sum("turned.png" in m and "4.png" in m and "similarity" in m for m in listed) == 1
    assert sum("crop.png" in m and "3.png" in m and "count as one" in m for m in listed) == 1
    assert "turned.png" in (tmp_path / "run" / "audit.html").read_text()
    rejected = pd.read_csv(tmp_path / "run" / "rejected.csv")
    assert {Path(path).name for path in rejected["path"]} == {"turned.png", "4.png"}
    images = read_tables(tmp_path / "run").images
    assert len(images) == 12
    assert images["patient"].nunique() == 11


def test_a_second_start_compares_nothing_and_changes_nothing(
    settings: RunFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings, tmp_path / "run", Silent())
    before = read_tables(tmp_path / "run")
    kept = (tmp_path / "run" / AUDIT / "features.parquet").stat().st_size
    assert kept < 2048 * 14 + 4096

    def never(*_: object) -> None:
        raise AssertionError("compared again")

    monkeypatch.setattr(comparison, "near_duplicates", never)
    monkeypatch.setattr(pairs, "features", never)
    run(settings, tmp_path / "run", Silent())
    pd.testing.assert_frame_equal(read_tables(tmp_path / "run").images, before.images)


def test_harmonised_images_have_the_patients_of_the_others(
    settings: RunFile, tmp_path: Path
) -> None:
    data = settings.data.model_copy(update={"harmonise": True})
    run(settings.model_copy(update={"data": data}), tmp_path / "run", Silent())
    columns = ["image_id", "patient", "split_0"]
    harmonised = read_tables(tmp_path / "run").images[columns]
    pd.testing.assert_frame_equal(
        read_tables(tmp_path / "run" / "as-is").images[columns], harmonised
    )
