"""Every shipped row runs on a small part of the phantom, or says why not."""

import inspect
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions
from mimbench.data.generated.phantom import TARGET, render, table
from mimbench.detectors.build import kind_of
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.recipes import names, read_recipe
from mimbench.registry import resolve
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

UNKNOWN = "wheals"
SHORT = {"steps": 2, "batch_size": 4}
LEFT_OUT = (
    "mim-resnet18",  # a function of other rows, without a fit of its own
    "vgg16_bn",  # its 134 million parameters would take as long as all others together
)
ROWS = [name for name in names("baselines") if name not in LEFT_OUT]
DOWNLOADED = [name for name in ROWS if read_recipe(name).parameters.get("weights") == "imagenet"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageOptions:
    """A target, two known categories and an unknown one, of the phantom."""
    folder = tmp_path_factory.mktemp("phantom")
    few = table(target_patients=10, patients_per_category=6)
    few = few[few["category"].isin([TARGET, UNKNOWN, "macules", "ulcers"])]
    for number, (row, pixels) in enumerate(zip(few.itertuples(), render(few), strict=True)):
        place = folder / ("unknown" if row.category == UNKNOWN else "data") / row.category
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{row.patient}_{number}.png")
    return ImageOptions(
        data=(str(folder / "data"),),
        unknown=(str(folder / "unknown"),),
        target=TARGET,
        canonical_size=64,
    )


def short(name: str, **changes: Any) -> dict[str, Any]:
    """The shipped recipe with two steps of training, if it trains, and with small images."""
    recipe = read_recipe(name)
    takes = inspect.signature(resolve(recipe.detector)).parameters
    parameters = {key: value for key, value in SHORT.items() if key in takes}
    if recipe.parameters.get("side") == "own":
        changes = {"input_size": 64, **changes}
        parameters["side"] = 64
    return {
        "extends": name,
        "name": name,
        **changes,
        "parameters": {**parameters, **changes.get("parameters", {})},
    }


def ran(detectors: list[dict[str, Any]], images: ImageOptions, out: Path) -> RunTables:
    plan = make_plan(RunFile(detectors=tuple(detectors), data=images))
    execute(plan, out, Silent())
    tables = read_tables(out)
    shutil.rmtree(out)  # states of large networks
    return tables


def rows_of(tables: RunTables, name: str) -> tuple[set[str], dict[str, str]]:
    """The rows that a detector scored, and its rows that are not run with the reason."""
    fits = tables.fits.set_index("detector")
    scored = tables.scores["score"][tables.scores["fit_id"] == fits.loc[name, "fit_id"]]
    return set(scored), json.loads(fits.loc[name, "not_run"])


def test_every_shipped_row_is_scored_or_says_why_not(
    images: ImageOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    tables = ran([short(name) for name in ROWS], images, tmp_path / "out")
    failed = tables.fits[tables.fits["status"] == "failed"].set_index("detector")["reason"]
    assert sorted(failed.index) == DOWNLOADED, failed.to_dict()
    assert failed.str.contains("cannot be downloaded").all()
    for name in sorted(set(ROWS) - set(DOWNLOADED)):
        scored, not_run = rows_of(tables, name)
        recipe = read_recipe(name)
        beside = {line for score, line in kind_of(recipe).lines.items() if score in recipe.scores}
        promised = {recipe.row(score) for score in {*recipe.scores, *beside}} or {name}
        assert scored | set(not_run) == promised, name
        assert not scored & set(not_run), name
        assert all(not_run.values()), name


def test_rows_that_need_weights_run_with_a_file(
    images: ImageOptions, tmp_path: Path, real_weights: Path
) -> None:
    weights: dict[str, Any] = {"weights": str(real_weights)}
    perceptual = {"backbone": "squeezenet1_0", **weights}
    detectors = [
        short(name, parameters=weights)
        for name in (*DOWNLOADED, "knn-features", "patchcore", "squeezenet1_0")
        if name != "mim-perceptual"
    ]
    # LPIPS has no heads for this backbone
    scores = ["l1", "ssim", "features"]
    detectors.append(short("mim-perceptual", scores=scores, headline=[], parameters=perceptual))
    tables = ran(detectors, images, tmp_path / "out")
    assert set(tables.fits["status"]) == {"ok"}, tables.fits["reason"].to_dict()
    assert rows_of(tables, "mim-perceptual")[0] == {f"mim-perceptual/{name}" for name in scores}
