"""Images leave a run exactly as its detectors saw them, and come back as scores."""

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions
from mimbench.errors import DataError, MimbenchError, OutputError, TableError, UnknownNameError
from mimbench.evaluation.export import export_conditions, recorded_plan
from mimbench.evaluation.external.external import score_external
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.evaluation.runner import run as run_all
from mimbench.progress import Silent
from mimbench.runfolder.added_rows import add_rows
from mimbench.runfolder.info import require_run_info
from mimbench.scores.reading import read_tables

DIGEST = """
import zlib

import torch


def digest(images):
    pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
    return torch.tensor([zlib.crc32(image.tobytes()) for image in pixels], dtype=torch.float64)
"""


@pytest.fixture(scope="module")
def run(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose score is a checksum of the pixels that the detector saw."""
    root = tmp_path_factory.mktemp("run")
    shutil.copytree(folders["data"], root / "data")
    (root / "mine.py").write_text(DIGEST)
    data = ImageOptions(
        data=(str(root / "data"),), unknown=(str(folders["unknown"]),), canonical_size=32
    )
    settings = RunFile(
        detectors=(f"{root / 'mine.py'}:digest",), suites=("quick",), folds=2, data=data
    )
    execute(make_plan(settings), root / "run", Silent())
    return root / "run"


def test_a_run_is_called_as_its_folder_and_can_be_planned_again(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """Folders may have names that no run file may have."""
    data = ImageOptions(data=(str(folders["data"]),), canonical_size=32)
    settings = RunFile(name="tour", detectors=("histogram",), data=data)
    folder = tmp_path / "my run, é"
    run_all(settings, folder / ".." / folder.name, Silent())
    assert require_run_info(folder).name == folder.name
    assert recorded_plan(folder, Silent()).run == settings


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "pictures"
    export_conditions(str(run), out, Silent())
    return out


def read(folder: Path, file: str) -> np.ndarray:
    with Image.open(folder / file) as picture:
        return np.asarray(picture)


def test_scores_of_the_exported_pictures_are_those_of_the_run_to_the_last_bit(
    run: Path, exported: Path, tmp_path: Path
) -> None:
    manifest = pd.read_csv(exported / "manifest.csv")
    values = [zlib.crc32(read(exported, file).tobytes()) for file in manifest["file"]]
    manifest.assign(value=values).to_csv(tmp_path / "theirs.csv", index=False)
    out, _ = add_rows(run, [tmp_path / "theirs.csv"])
    joined = read_tables(out)
    scores = joined.scores
    assert joined.fits.drop(columns=["fold", "seed", "seconds"]).notna().all(axis=None)
    keys = ["corruption", "severity", "image_id"]
    own, theirs = (
        scores[scores["score"] == row].sort_values(keys)[[*keys, "value"]].reset_index(drop=True)
        for row in ("digest", "theirs")
    )
    assert own[["corruption", "severity"]].drop_duplicates().shape == (13, 2)
    pd.testing.assert_frame_equal(own, theirs)
    with pytest.raises(TableError, match="use the run itself"):  # no fit stands behind that row
        score_external(out, [str(run.parent / "data")], Silent())


def test_the_manifest_says_what_every_picture_is(run: Path, exported: Path) -> None:
    manifest = pd.read_csv(exported / "manifest.csv")
    images = read_tables(run).images
    found = {path.relative_to(exported).as_posix() for path in exported.rglob("*.png")}
    assert found == set(manifest["file"])
    clean = manifest[manifest["corruption"] == "clean"]
    shared = ["image_id", "category", "role", "patient", "split_0", "split_1"]
    pd.testing.assert_frame_equal(clean[shared], images[shared], check_dtype=False)
    corrupted = manifest[manifest["corruption"] != "clean"]
    assert len(corrupted) == 12 * (images[["split_0", "split_1"]] == "test").any(axis=1).sum()


def test_an_interrupted_export_goes_on_and_another_one_is_refused(
    run: Path, exported: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(exported, out)
    (out / "manifest.csv").unlink()
    lost = sorted((out / "motion_blur" / "3").iterdir())[:3]
    for path in lost:
        path.unlink()
    kept = len(list(out.rglob("*.png")))
    made = export_conditions(str(run), out, Silent())
    assert (made.written, made.kept) == (3, kept)
    for path in (*lost, out / "manifest.csv"):
        assert path.read_bytes() == (exported / path.relative_to(out)).read_bytes()
    record = json.loads((out / "conditions.json").read_text())
    (out / "conditions.json").write_text(json.dumps({**record, "plan_seed": 1}))
    with pytest.raises(OutputError, match="another run, seed or version"):
        export_conditions(str(run), out, Silent())


def test_a_run_file_gives_the_same_pictures_before_any_run(
    run: Path, exported: Path, tmp_path: Path
) -> None:
    settings = json.loads((run / "run.json").read_text())["run"]
    data = {key: settings["data"][key] for key in ("data", "unknown", "canonical_size")}
    lines = ['detectors = ["histogram"]', 'suites = ["quick"]', "folds = 2", "[data]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in data.items()]
    (tmp_path / "mine.toml").write_text("\n".join(lines))
    export_conditions(str(tmp_path / "mine.toml"), tmp_path / "out", Silent())
    before, after = (folder / "manifest.csv" for folder in (tmp_path / "out", exported))
    assert before.read_bytes() == after.read_bytes()
    for file in pd.read_csv(before)["file"].sample(20, random_state=0):
        np.testing.assert_array_equal(read(tmp_path / "out", file), read(exported, file))


@pytest.mark.parametrize(("how", "message"), [("gone", "is gone"), ("changed", "has changed")])
def test_images_that_are_not_what_they_were_are_named(
    run: Path, tmp_path: Path, how: str, message: str
) -> None:
    path = run.parent / "data" / "mpox" / "00_0.png"
    content = path.read_bytes()
    try:
        if how == "gone":
            path.unlink()
        else:
            shutil.copyfile(run.parent / "data" / "measles" / "00_0.png", tmp_path / "other.png")
            Image.fromarray(255 - read(tmp_path, "other.png")).save(path)
        with pytest.raises(DataError, match=rf"1 of \d+ images .*00_0\.png {message}"):
            export_conditions(str(run), tmp_path / "out", Silent())
    finally:
        path.write_bytes(content)


def test_what_cannot_be_exported_is_one_sentence(run: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    for source, out, kind, message in (
        ("defualt", tmp_path / "out", UnknownNameError, "Did you mean default"),
        (str(tmp_path), tmp_path / "out", MimbenchError, "folder of a finished run"),
        (str(run), tmp_path / "full", OutputError, "not empty"),
        (str(run), run.parent / "data" / "out", OutputError, "whose images the run reads"),
    ):
        with pytest.raises(kind, match=message):
            export_conditions(source, out, Silent())


@pytest.mark.parametrize("place", ["clean", "motion_blur/3", "conditions.json", "manifest.csv"])
def test_nothing_is_exported_through_a_link(
    run: Path, exported: Path, tmp_path: Path, place: str
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    shutil.copytree(exported, out)
    (out / place).rename(elsewhere)
    if elsewhere.is_dir():
        next(elsewhere.iterdir()).unlink()  # so that there is something to write
    (out / place).symlink_to(elsewhere)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=rf"{Path(place).name} is a symbolic link"):
        export_conditions(str(run), out, Silent())
    assert sorted(tmp_path.rglob("*")) == before
