"""Studies of the target alone run whatever trains on the target, and say what does not run."""

import re
from pathlib import Path

import pandas as pd
import pytest
from small_images import write_category

from mimbench.data.dataset import ImageOptions
from mimbench.errors import DataError
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.gate.folders import folder_settings
from mimbench.progress import Silent
from mimbench.report import write_report
from mimbench.scores.reading import read_tables

ENSEMBLE = {
    "name": "both",
    "detector": "ensemble",
    "parameters": {"rows": ["histogram", "resnet18/posterior"]},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("images")
    write_category(root / "target" / "mpox", 90, 6, 1)
    write_category(root / "others" / "orf", 170, 4, 2)
    return {name: root / name for name in ("target", "others")}


def _run(places: dict[str, Path], *detectors: object, others: bool = True, **more: object):
    data = ImageOptions(
        data=(str(places["target"]),),
        unknown=(str(places["others"]),) if others else (),
        canonical_size=32,
    )
    return RunFile(name="alone", detectors=detectors, data=data, **more)


def test_rows_that_need_known_categories_are_not_run_and_the_others_are(places, tmp_path):
    plan = make_plan(_run(places, "histogram", "resnet18", ENSEMBLE, folds=2))
    assert {spec.recipe.name for spec in plan.fits} == {"histogram"}
    assert any("resnet18" in note and "no known category" in note for note in plan.dataset.notes)
    assert execute(plan, tmp_path, Silent()).failures == ()
    fits = read_tables(tmp_path).fits.set_index("detector")
    assert set(fits.loc[["histogram"], "status"]) == {"ok"}
    assert fits.loc[["resnet18", "both"], "status"].tolist() == ["not run", "not run"]
    report = write_report(tmp_path)
    board = pd.read_csv(report.folder / "leaderboard.csv", keep_default_na=False)
    status = board.set_index("row")["status"]
    assert status["histogram"] == "ok"
    assert status["resnet18/posterior"] == "not run: no known category"
    assert status["both"] == "not run: no known category"
    page = (report.folder / "index.html").read_text(encoding="utf-8")
    assert "not run: no known category" in page
    rows = folder_settings(tmp_path).rows
    assert not [row for row in rows if row.startswith(("resnet18", "both"))]


def test_the_target_alone_runs_and_says_that_there_is_no_auroc(places, tmp_path):
    plan = make_plan(_run(places, "histogram", others=False))
    assert any("no AUROC" in note and "--unknown" in note for note in plan.dataset.notes)
    assert execute(plan, tmp_path, Silent()).failures == ()
    report = write_report(tmp_path)
    page = (report.folder / "index.html").read_text(encoding="utf-8")
    assert "no AUROC" in page
    assert "One split" not in page
    links = set(re.findall(r'href="([\w.]+)"', page))
    assert links >= {"leaderboard.csv"}
    assert all((report.folder / link).exists() for link in links)
    assert len(read_tables(tmp_path).scores) > 0


def test_the_default_run_works_on_the_target_alone(places):
    plan = make_plan(resolve_run("default", {"data": [str(places["target"])]}))
    classifiers = {"resnet18", "mobilenet_v3_small", "efficientnet_lite0-probe-64"}
    assert set(plan.not_run) == classifiers
    assert {"mim", "harmonic", "file-statistics"} <= {spec.recipe.name for spec in plan.fits}


def test_a_run_of_classifiers_alone_says_what_it_needs(places):
    with pytest.raises(DataError, match=r"no known category.*mobilenet_v3_small, resnet18.*Add"):
        make_plan(_run(places, "resnet18", "mobilenet_v3_small"))


def test_studies_of_known_categories_say_that_there_is_none(places):
    notes = make_plan(_run(places, "histogram", known_curve=(1, 2))).dataset.notes
    assert any("known-curve" in note and "there is none" in note for note in notes)
    with pytest.raises(DataError, match=r"swap.*no known category"):
        make_plan(_run(places, "histogram", swap=("orf",)))
