"""Fitted detectors judge new images at thresholds that were frozen before they were seen."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from small_images import write_category
from tampering import restamp

from mimbench.data.dataset import ImageOptions
from mimbench.errors import TableError
from mimbench.evaluation.external import External, score_external
from mimbench.evaluation.plan import RunFile, make_plan
from mimbench.evaluation.progress import Silent
from mimbench.evaluation.runner import execute
from mimbench.scores import RunTables, read_tables
from mimbench.statistics.threshold import conformal_threshold


@pytest.fixture(scope="module")
def run(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on 60 target images; each is its own patient."""
    root = tmp_path_factory.mktemp("site-a")
    write_category(root / "data" / "mpox", 90, 30, 1)
    write_category(root / "data" / "measles", 140, 6, 2)
    images = ImageOptions(data=(str(root / "data"),), canonical_size=32)
    settings = RunFile(detectors=(f"{plugin}:Brightness",), folds=3, data=images)
    execute(make_plan(settings), root / "run", Silent())
    return root / "run"


@pytest.fixture(scope="module")
def external(run: Path, plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> External:
    root = tmp_path_factory.mktemp("site-b")
    write_category(root / "mpox", 90, 10, 7)
    write_category(root / "orf", 200, 10, 8)
    return score_external(run, [str(root)], Silent(), [f"{plugin}:Brightness"])


def test_easy_images_get_the_right_verdict(external: External) -> None:
    verdicts = external.verdicts.groupby("category")["accepted"].mean()
    assert verdicts["mpox"] > 0.8
    assert verdicts["orf"] == 0.0
    shares = external.operating.set_index(["metric", "category"])["value"]
    assert shares["sensitivity", "mpox"] == pytest.approx(verdicts["mpox"])
    assert shares["specificity", "orf"] == 1.0


def test_the_threshold_comes_from_validation_alone(run: Path, external: External) -> None:
    scores = pd.read_parquet(run / "scores.parquet")
    images = pd.read_parquet(run / "images.parquet")
    fits = pd.read_parquet(run / "fits.parquet").set_index("fit_id")["fold"]
    merged = scores.merge(images[images["role"] == "target"], on="image_id")
    own = [merged[f"split_{fits[fit]}"].iloc[k] for k, fit in enumerate(merged["fit_id"])]
    held_out = merged[np.array(own) == "validation"]
    threshold = conformal_threshold(held_out["value"], held_out["patient"]).value
    new = external.tables.scores.merge(external.tables.images, on="image_id")
    new = new[(new["split_0"] == "test") & (new["category"] == "mpox")]
    expected = (new["value"] <= threshold).mean()
    shares = external.operating.set_index(["metric", "category"])["value"]
    assert shares["sensitivity", "mpox"] == pytest.approx(expected)


def test_images_like_the_old_ones_show_no_drift(external: External) -> None:
    drift = external.drift.set_index("row").loc["Brightness"]
    assert drift["drift"] == pytest.approx(0.5, abs=0.2)
    assert 0 <= drift["low"] < drift["drift"] < drift["high"] <= 1


def test_the_auroc_ranks_the_new_images_alone(external: External) -> None:
    scores = external.tables.scores.merge(external.tables.images, on="image_id")
    new = scores[scores["split_0"] == "test"]
    fits = [
        roc_auc_score(own["category"] != "mpox", own["value"]) for _, own in new.groupby("fit_id")
    ]
    (line,) = external.auroc.to_dict("records")
    assert line["auroc"] == pytest.approx(np.mean(fits), abs=1e-12)
    assert (line["target_patients"], line["other_patients"]) == (20, 20)
    assert line["low"] < 1.0


def test_a_row_that_lost_a_fit_has_a_reason_instead_of_the_mean_of_the_others(
    run: Path, plugin: Path, tmp_path: Path
) -> None:
    write_category(tmp_path / "site" / "mpox", 90, 2, 7)
    write_category(tmp_path / "site" / "orf", 200, 2, 8)
    broken = Path(shutil.copytree(run, tmp_path / "run"))
    tables = read_tables(broken)
    lost = tables.fits["fold"] == 1
    fits = tables.fits.assign(status=np.where(lost, "failed", "ok"), reason="out of memory")
    kept = ~tables.scores["fit_id"].isin(fits.loc[lost, "fit_id"])
    RunTables(tables.scores[kept], fits, tables.images).write(broken)
    restamp(broken)
    found = score_external(broken, [str(tmp_path / "site")], Silent(), [f"{plugin}:Brightness"])
    for table in (found.operating, found.auroc, found.drift, found.verdicts):
        assert set(table["reason"]) == {"the fit of fold 1 failed: out of memory"}
    assert found.auroc["auroc"].isna().all()
    assert found.verdicts["accepted"].isna().all()


def test_images_of_the_run_itself_are_refused(run: Path, plugin: Path) -> None:
    with pytest.raises(TableError, match="part of the run itself"):
        score_external(run, [str(run.parent / "data")], Silent(), [f"{plugin}:Brightness"])


def test_a_changed_state_is_not_served(run: Path, plugin: Path, tmp_path: Path) -> None:
    write_category(tmp_path / "site" / "orf", 200, 2, 9)
    state = next(run.glob("fits/*.safetensors"))
    content = state.read_bytes()
    state.write_bytes(content[:-4] + b"\x00\x00\x00\x01")
    try:
        with pytest.raises(TableError, match="missing or not the one"):
            score_external(run, [str(tmp_path / "site")], Silent(), [f"{plugin}:Brightness"])
    finally:
        state.write_bytes(content)
