"""Photographs of the run itself, cropped or changed, are no external test."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from photographs import all_at_once, crop, jpeg, photo
from PIL import Image

from mimbench.data.dataset import ImageOptions
from mimbench.errors import DataError
from mimbench.evaluation.external.external import score_external
from mimbench.evaluation.planning.plan import RunFile
from mimbench.evaluation.runner import run as run_all
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import AUDIT
from mimbench.statistics.tables.external import external_test


def _write(root: Path, photos: dict[str, Image.Image]) -> Path:
    for name, image in photos.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / name)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"{category}/{n}.png" for category in ("mpox", "acne") for n in range(6)]
    photos = {name: photo(seed) for seed, name in enumerate(names)}
    return _write(tmp_path_factory.mktemp("site-a") / "data", photos)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos of its own, two of them one photograph, and two crops of the run's photos."""
    photos = {"mpox/new.png": photo(50), "mpox/again.png": jpeg(50)(photo(50))}
    photos |= {"acne/other.png": photo(51), "acne/third.png": photo(52)}
    photos |= {"mpox/crop.png": crop(0.7, 0, 0)(photo(2)), "orf/turned.png": all_at_once(photo(7))}
    return _write(tmp_path_factory.mktemp("site-b") / "site", photos)


def _run(data: Path, out: Path, *external: Path) -> Path:
    images = ImageOptions(data=(str(data),), external=tuple(map(str, external)), canonical_size=32)
    run_all(RunFile(detectors=("histogram",), data=images), out, Silent())
    return out


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _run(data, tmp_path_factory.mktemp("runs") / "plain")


def _scored(run: Path, site: Path) -> tuple[set[str], dict[str, str], str]:
    """Names of the scored images, reasons by name of those left out, and all notes."""
    found = score_external(run, [str(site)], Silent())
    names = {Path(path).name for path in found.test.verdicts["path"]}
    reasons = {Path(row["path"]).name: row["reason"] for row in found.unread.to_dict("records")}
    return names, reasons, " ".join(found.notes)


def test_copies_of_the_runs_photos_are_left_out_and_named(run: Path, site: Path) -> None:
    names, reasons, notes = _scored(run, site)
    assert names == {"new.png", "again.png", "other.png", "third.png"}
    assert "mpox/2.png (mpox, target)" in reasons["crop.png"]
    assert "acne/1.png (acne, known)" in reasons["turned.png"]
    assert "2 images are left out" in notes
    assert "1 pair of different patients, who count as one" in notes


def test_they_are_found_when_the_runs_pictures_are_gone(
    run: Path, data: Path, site: Path, tmp_path: Path
) -> None:
    there = shutil.copytree(data, tmp_path / "data")
    own = _run(there, tmp_path / "run")
    shutil.rmtree(there)
    _, reasons, notes = _scored(own, site)
    assert {"crop.png", "turned.png"} == set(reasons)
    assert "not looked for" not in notes


def test_a_check_that_could_not_be_made_is_said(data: Path, site: Path, tmp_path: Path) -> None:
    there = shutil.copytree(data, tmp_path / "data")
    own = _run(there, tmp_path / "run")
    (own / AUDIT / "features.parquet").unlink()
    _, reasons, _ = _scored(own, site)  # the pictures are still there
    assert {"crop.png", "turned.png"} == set(reasons)
    shutil.rmtree(there)
    names, reasons, notes = _scored(own, site)
    assert "12 of the run's 12 images were not looked for" in notes
    assert not reasons
    assert {"crop.png", "turned.png"} <= names


def test_only_copies_are_nothing_to_score(run: Path, data: Path, tmp_path: Path) -> None:
    place = _write(tmp_path / "site", {"mpox/0.png": jpeg(60)(photo(0))})
    with pytest.raises(DataError, match="photograph of the run itself"):
        score_external(run, [str(place)], Silent())


def test_score_and_run_with_external_leave_out_the_same(
    run: Path, data: Path, site: Path, tmp_path: Path
) -> None:
    together = _run(data, tmp_path / "both", site)
    left = pd.read_csv(together / "rejected.csv")["path"].map(lambda path: Path(path).name)
    assert set(left) == set(_scored(run, site)[1])
    inside = external_test(read_tables(together))
    assert inside is not None
    alone = score_external(run, [str(site)], Silent()).test
    pd.testing.assert_frame_equal(inside.tables["sides"], alone.tables["sides"])
