"""The gallery: which images it shows, what stands beside them, and that photos stay out of it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.gallery.selection import choose_cases
from mimbench.evaluation.gallery.thumbnails import choose_images
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.runfolder.gallery import read_thumbnails
from mimbench.scores.digests import read_json
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

SUITE = """
name = "tiny"
description = "Two steps of one corruption."
severities = [1, 5]
corruptions = ["brightness"]
"""


@pytest.fixture(scope="module")
def runs(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The same run, of photos and generated abnormal input, without and with `--gallery`."""
    root = tmp_path_factory.mktemp("runs")
    (root / "tiny.toml").write_text(SUITE)
    data = ImageOptions(data=(str(folders["data"]),), abnormal=("generated",), canonical_size=32)
    for asked in (False, True):
        run = RunFile(
            detectors=("random-generator", "harmonic"),
            suites=(str(root / "tiny.toml"),),
            data=data,
            gallery=asked,
        )
        execute(make_plan(run), root / str(asked), Silent())
    return {asked: root / str(asked) for asked in (False, True)}


def entries_of(run: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = read_json(run / "gallery" / "gallery.json")["pictures"]
    return entries


def test_photos_of_people_are_copied_only_when_asked(runs: dict[bool, Path]) -> None:
    assert {entry["role"] for entry in entries_of(runs[False])} == {"abnormal"}
    assert {entry["role"] for entry in entries_of(runs[True])} == {"target", "known", "abnormal"}


def test_a_run_of_photos_alone_leaves_no_picture(folders: dict[str, Path], tmp_path: Path) -> None:
    images = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    execute(make_plan(RunFile(detectors=("random-generator",), data=images)), tmp_path, Silent())
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".png", ".jpg")]
    assert (tmp_path / "scores.parquet").is_file()


def test_pictures_stand_beside_their_scores(runs: dict[bool, Path]) -> None:
    """Values are those of the score table, under the same corruption of the same image."""
    tables: RunTables = read_tables(runs[True])
    scores = tables.scores.set_index(["score", "image_id", "corruption", "severity"])["value"]
    entries = entries_of(runs[True])
    assert {entry["detector"] for entry in entries} == {"random-generator"}
    cases = [entry for entry in entries if "kind" in entry]
    for entry in cases:
        key = (entry["row"], entry["image_id"], "clean", 0)
        assert entry["scores"] == [scores[key]]
        accepted, target = entry["scores"][0] <= entry["threshold"], entry["role"] == "target"
        assert entry["kind"].endswith("right" if accepted == target else "wrong")
        strip = cv2.imread(str(runs[True] / "gallery" / entry["file"]))
        assert strip.shape == (64, 4 * 64, 3)
        hidden = (strip[:, 64:128] != strip[:, :64]).any(axis=2).mean()
        assert 0.2 < hidden <= 0.51  # one checkerboard; grey pixels can equal the mask's
    (steps,) = [entry for entry in entries if "corruption" in entry]
    assert steps["severities"] == [0, 1, 5]
    conditions = [("clean", 0), ("brightness", 1), ("brightness", 5)]
    keys = [(steps["row"], steps["image_id"], *condition) for condition in conditions]
    assert steps["scores"] == [scores[key] for key in keys]
    strip = cv2.imread(str(runs[True] / "gallery" / steps["file"]))
    assert strip.shape == (2 * 64, 3 * 64, 3)
    assert strip[:64, 128:].mean() > strip[:64, :64].mean() + 20  # brighter at severity 5


def test_the_clearest_and_the_closest_calls_are_chosen() -> None:
    scores = np.array([0.1, 0.4, 0.7, 0.9, 0.2, 0.8, 0.6, np.nan])
    roles = np.array([*["target"] * 4, *["unknown"] * 4], dtype=object)
    found = choose_cases(scores, roles, roles == "target", 0.5)
    chosen = [(case.image, case.kind) for case in found]
    assert chosen == [
        (0, "most confident right"),
        (1, "least confident right"),
        (3, "most confident wrong"),
        (2, "least confident wrong"),
        (5, "most confident right"),
        (6, "least confident right"),
        (4, "most confident wrong"),
    ]


def test_small_pictures_are_of_tested_images_that_may_be_shown(runs: dict[bool, Path]) -> None:
    for asked, folder in runs.items():
        small = read_thumbnails(folder / "gallery")
        assert small is not None
        images = read_tables(folder).images.set_index("image_id").loc[list(small.images)]
        assert set(images["split_0"]) == {"test"}
        assert (images["path"] == "").all() != asked, "photos only where the run asks so"
        sheet = cv2.imread(str(folder / "gallery" / small.file))
        assert sheet.shape == (len(small.images) * small.tile, 3 * small.tile, 3)
        assert small.detector == "random-generator"


def test_half_of_the_images_are_those_on_which_rows_disagree_most() -> None:
    alike = np.arange(40.0)
    other = alike.copy()
    other[[3, 36]] = [39.5, -1.0]  # two images are put elsewhere by one of the rows
    chosen = choose_images(pd.DataFrame({"one": alike, "other": other}), 4)
    assert len(chosen) == 4
    assert {3, 36} <= set(chosen.tolist())
    assert len(choose_images(pd.DataFrame({"one": alike}), 100)) == 40
