"""Fitted detectors judge new images at thresholds that were frozen before they were seen."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from small_images import write_category
from tampering import restamp

from mimbench.data.dataset import ImageOptions
from mimbench.errors import DataError, TableError
from mimbench.evaluation.external.external import External, score_external
from mimbench.evaluation.fitting import Fit
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.evaluation.scoring import score_images
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import FIT_COLUMNS, UNLABELLED, RunTables
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.threshold import conformal_threshold
from mimbench.statistics.tables.external import NO_OTHERS, NO_TARGET, ExternalTest, external_test
from mimbench.statistics.tables.metrics import metrics_table
from mimbench.statistics.tables.operating import operating_table

Files = dict[str, Path]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another site: its target images are brighter than the run's own."""
    root = tmp_path_factory.mktemp("site-b")
    write_category(root / "mpox", 100, 10, 7)
    write_category(root / "orf", 120, 10, 8)
    write_category(root / "measles", 140, 4, 9)
    return root


@pytest.fixture(scope="module")
def run(site: Path, plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on 60 target images; each is its own patient. The other site is external to it."""
    root = tmp_path_factory.mktemp("site-a")
    write_category(root / "data" / "mpox", 90, 30, 1)
    write_category(root / "data" / "measles", 140, 6, 2)
    images = ImageOptions(data=(str(root / "data"),), external=(str(site),), canonical_size=32)
    settings = RunFile(
        detectors=(f"{plugin}:Brightness", f"{plugin}:redness", "histogram"), folds=3, data=images
    )
    execute(make_plan(settings), root / "run", Silent())
    return root / "run"


@pytest.fixture(scope="module")
def trust(plugin: Path) -> list[str]:
    """What `score` may import."""
    return [f"{plugin}:Brightness", f"{plugin}:redness"]


@pytest.fixture(scope="module")
def external(run: Path, site: Path, trust: list[str]) -> External:
    return score_external(run, [str(site)], Silent(), trust)


@pytest.fixture(scope="module")
def within(run: Path) -> ExternalTest:
    """What the run itself says of the same images."""
    found = external_test(read_tables(run))
    assert found is not None
    return found


def test_a_run_with_external_images_and_score_give_the_same_numbers(
    external: External, within: ExternalTest
) -> None:
    for name, table in within.tables.items():
        key = [column for column in ("row", "image_id", "metric", "category") if column in table]
        own = external.test.tables[name].sort_values(key, ignore_index=True)
        pd.testing.assert_frame_equal(own, table.sort_values(key, ignore_index=True), rtol=1e-12)
    for table in (within.auroc, within.operating, within.drift):
        assert table.select_dtypes("number").notna().all(axis=None)
        assert set(table["row"]) >= {"Brightness", "redness", "histogram"}


def test_external_target_images_are_compared_with_external_others(
    run: Path, within: ExternalTest
) -> None:
    scores = read_tables(run).scores.merge(read_tables(run).images, on="image_id")
    new = scores[(scores["role"] == "external") & (scores["score"] == "Brightness")]
    expected = np.mean([
        roc_auc_score(own["category"] == other, own["value"])
        for _, fit in new.groupby("fit_id")
        for other in ("orf", "measles")
        for own in [fit[fit["category"].isin(["mpox", other])]]
    ])  # fmt: skip
    line = within.auroc.set_index("row").loc["Brightness"]
    assert line["auroc"] == pytest.approx(expected, abs=1e-12)
    assert line["low"] < expected
    counts = ["target_images", "target_patients", "other_images", "other_patients"]
    assert line[counts].tolist() == [20, 20, 28, 28]

    metrics = metrics_table(read_tables(run), resamples=0)
    chosen = (metrics["role"] == "external") & (metrics["row"] == "Brightness")
    of_run = metrics[chosen & (metrics["metric"] == "auroc") & (metrics["category"] == "")]
    assert of_run["value"].tolist() == [pytest.approx(expected, abs=1e-12)]
    assert of_run["n_target"].tolist() == [20], "external ones, not the run's own 60"
    assert set(of_run["relation"]) == {"same-source"}, "the site of the external target images"


def test_the_threshold_comes_from_all_validation_images_and_from_nothing_else(
    run: Path, within: ExternalTest
) -> None:
    scores, images = read_tables(run).scores, read_tables(run).images
    fits = pd.read_parquet(run / "fits.parquet").set_index("fit_id")["fold"]
    scores = scores[scores["score"] == "Brightness"]
    merged = scores.merge(images[images["role"] == "target"], on="image_id")
    own = [merged[f"split_{fits[fit]}"].iloc[k] for k, fit in enumerate(merged["fit_id"])]
    held_out = merged[np.array(own) == "validation"]
    threshold = conformal_threshold(held_out["value"], held_out["patient"]).value
    new = scores.merge(images[images["role"] == "external"], on="image_id")
    accepted = new["value"] <= threshold
    shares = within.operating[within.operating["row"] == "Brightness"]
    shares = shares.set_index(["metric", "category"])["value"]
    is_target = new["category"] == "mpox"
    assert shares["sensitivity", "mpox"] == pytest.approx(accepted[is_target].mean())
    assert shares["specificity", "orf"] == pytest.approx(1 - accepted[new.category == "orf"].mean())
    verdicts = within.verdicts[within.verdicts["row"] == "Brightness"]
    of_target = verdicts.loc[verdicts["category"] == "mpox", "accepted"]
    assert of_target.mean() == pytest.approx(shares["sensitivity", "mpox"])


def test_drift_is_of_the_external_target_against_validation(
    external: External, run: Path, trust: list[str], tmp_path: Path
) -> None:
    drift = external.test.drift.set_index("row")
    assert drift.loc["Brightness", "drift"] > 0.75, "brighter by 10 levels"
    write_category(tmp_path / "like" / "mpox", 90, 10, 17)
    same = score_external(run, [str(tmp_path / "like")], Silent(), trust).test.drift
    line = same.set_index("row").loc["Brightness"]
    assert line["drift"] == pytest.approx(0.5, abs=0.2)
    assert 0 <= line["low"] < line["drift"] < line["high"] <= 1


def test_the_sides_are_counted(within: ExternalTest) -> None:
    sides = within.sides.set_index(["side", "category"])
    assert sides.loc[("target", "mpox"), ["images", "patients"]].tolist() == [20, 20]
    assert sides.loc[("other", "orf"), ["images", "patients"]].tolist() == [20, 20]
    assert sides.loc[("other", "measles"), "images"] == 8
    held_out = sides.loc[("validation", "mpox")]
    assert held_out["sources"] == "data"
    assert 19 <= held_out["patients"] < 60


def test_without_external_target_images_no_auroc_is_sold_as_external(
    run: Path, trust: list[str], tmp_path: Path
) -> None:
    write_category(tmp_path / "site" / "orf", 120, 5, 8)
    found = score_external(run, [str(tmp_path / "site")], Silent(), trust)
    assert found.test.auroc["auroc"].isna().all()
    assert set(found.test.auroc["reason"]) == {NO_TARGET}
    assert set(found.test.drift["reason"]) == {NO_TARGET}
    assert set(found.test.operating["metric"]) == {"specificity"}
    assert found.test.operating["value"].notna().all()
    assert "external" not in set(metrics_table(found.tables, resamples=0)["role"])


def test_without_other_images_there_are_sensitivity_and_drift(
    run: Path, trust: list[str], tmp_path: Path
) -> None:
    write_category(tmp_path / "site" / "Monkey Pox", 90, 5, 8)
    found = score_external(run, [str(tmp_path / "site")], Silent(), trust).test
    assert set(found.auroc["reason"]) == {NO_OTHERS}
    assert set(found.operating["metric"]) == {"sensitivity"}
    assert found.drift["drift"].notna().all()


def test_images_in_no_folder_of_a_category_get_verdicts_alone(
    run: Path, trust: list[str], tmp_path: Path
) -> None:
    write_category(tmp_path / "incoming", 90, 5, 8)
    found = score_external(run, [str(tmp_path / "incoming")], Silent(), trust)
    assert found.test.operating.empty
    assert found.test.auroc["auroc"].isna().all()
    assert found.test.sides["side"].tolist() == [UNLABELLED, "validation"]
    verdicts = found.test.verdicts
    assert (verdicts.groupby("row").size() == 10).all()
    assert verdicts["accepted"].notna().all()
    assert any("10 images" in note and UNLABELLED in note for note in found.notes)
    # a folder that bears the name of a category says what its images show
    write_category(tmp_path / "Monkeypox", 90, 5, 9)
    named = score_external(run, [str(tmp_path / "Monkeypox")], Silent(), trust)
    assert set(named.test.operating["metric"]) == {"sensitivity"}


def test_unlabelled_images_of_a_run_are_no_category(
    run: Path, plugin: Path, folders: Files, tmp_path: Path
) -> None:
    write_category(tmp_path / "incoming", 90, 5, 8)
    data = ImageOptions(
        data=(str(folders["data"]),), external=(str(tmp_path / "incoming"),), canonical_size=32
    )
    plan = make_plan(RunFile(detectors=(f"{plugin}:redness",), data=data))
    new = plan.images[plan.images["role"] == "external"]
    assert set(new["category"]) == {UNLABELLED}
    assert any("10 images" in note and UNLABELLED in note for note in plan.dataset.notes)

    tables = read_tables(run)
    abroad = tables.images["role"] == "external"
    images = tables.images.assign(category=tables.images["category"].mask(abroad, UNLABELLED))
    tables = RunTables(tables.scores, tables.fits, images)
    groups = [group for question in Layout(tables).questions() for group in question.groups]
    assert not [group for group in groups if group.role == "external"]
    found = external_test(tables)
    assert found is not None
    assert found.verdicts["accepted"].notna().all()
    assert (found.verdicts.groupby("row").size() == 48).all()
    assert found.operating.empty


def test_a_row_that_lost_a_fit_has_a_reason_instead_of_the_mean_of_the_others(
    run: Path, site: Path, trust: list[str], tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(run, tmp_path / "run"))
    tables = read_tables(broken)
    lost = (tables.fits["fold"] == 1) & (tables.fits["detector"] == "Brightness")
    fits = tables.fits.assign(
        status=tables.fits["status"].mask(lost, "failed"),
        reason=tables.fits["reason"].mask(lost, "out of memory"),
    )
    kept = ~tables.scores["fit_id"].isin(fits.loc[lost, "fit_id"])
    RunTables(tables.scores[kept], fits, tables.images).write(broken)
    restamp(broken)
    found = score_external(broken, [str(site)], Silent(), trust).test
    for table in (found.operating, found.auroc, found.drift, found.verdicts):
        own = table[table["row"] == "Brightness"]
        assert set(own["reason"]) == {"the fit of fold 1 failed: out of memory"}
        assert set(table.loc[table["row"] == "histogram", "reason"]) == {""}
    of_row = found.verdicts["row"] == "Brightness"
    assert found.verdicts.loc[of_row, "accepted"].isna().all()


def test_a_detector_that_fails_on_the_new_images_is_a_failed_row(
    run: Path, trust: list[str], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fussy(fit: Fit, *rest: Any) -> Any:
        if fit.spec.recipe.name == "histogram":
            raise ValueError("what is this?")
        return score_images(fit, *rest)

    monkeypatch.setattr("mimbench.evaluation.external.external.score_images", fussy)
    found = score_external(run, [str(site)], Silent(), trust)
    assert set(found.failures) == {("histogram", "score: ValueError: what is this?")}
    reasons = found.test.auroc.set_index("row")["reason"]
    assert "what is this?" in reasons["histogram"]
    assert reasons["redness"] == ""


def test_images_that_the_run_was_trained_or_validated_on_are_refused(
    run: Path, trust: list[str], site: Path
) -> None:
    with pytest.raises(DataError, match=r"72 of the images .*training.*00_0\.png"):
        score_external(run, [str(run.parent / "data"), str(site)], Silent(), trust)


def test_a_file_under_two_categories_is_an_error_as_in_a_run(
    run: Path, trust: list[str], site: Path, tmp_path: Path
) -> None:
    torn = Path(shutil.copytree(site, tmp_path / "torn"))
    shutil.copy(torn / "mpox" / "00_0.png", torn / "orf" / "same.png")
    with pytest.raises(DataError, match=r"mpox/00_0\.png.*orf/same\.png.*byte for byte"):
        score_external(run, [str(torn)], Silent(), trust)


def test_repeated_files_count_once_and_each_has_its_verdict(
    run: Path, trust: list[str], site: Path, external: External, tmp_path: Path
) -> None:
    doubled = Path(shutil.copytree(site, tmp_path / "doubled"))
    shutil.copy(doubled / "orf" / "00_0.png", doubled / "orf" / "again.png")
    found = score_external(run, [str(doubled)], Silent(), trust).test
    pd.testing.assert_frame_equal(found.drift, external.test.drift)
    other = found.sides.set_index(["side", "category"]).loc[("other", "orf")]
    assert other["images"] == 20
    paths = {Path(path).name for path in found.verdicts["path"]}
    assert {"again.png", "00_0.png"} <= paths


def test_photos_that_cannot_be_read_are_listed(
    run: Path, trust: list[str], site: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(site, tmp_path / "broken"))
    (broken / "mpox" / "empty.jpg").write_bytes(b"")
    found = score_external(run, [str(broken)], Silent(), trust)
    assert [Path(path).name for path in found.rejected["path"]] == ["empty.jpg"]
    found.write(tmp_path / "out")
    listed = pd.read_csv(tmp_path / "out" / "rejected.csv")
    assert listed["path"].tolist() == found.rejected["path"].tolist()
    assert listed["reason"].notna().all()
    for name, table in found.test.tables.items():
        assert len(pd.read_csv(tmp_path / "out" / f"external_{name}.csv")) == len(table)


def test_a_changed_state_is_not_served_and_found_before_any_scoring(
    run: Path, site: Path, trust: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = pd.read_parquet(run / "fits.parquet")
    last = fits.loc[fits["detector"] != "Brightness", "fit_id"].iloc[-1]
    state = run / "fits" / f"{last}.safetensors"
    content = state.read_bytes()
    state.write_bytes(content[:-4] + b"\x00\x00\x00\x01")
    monkeypatch.setattr(
        "mimbench.evaluation.external.external.score_images",
        lambda *_: pytest.fail("it has scored"),
    )
    try:
        with pytest.raises(TableError, match="missing or not the one"):
            score_external(run, [str(site)], Silent(), trust)
    finally:
        state.write_bytes(content)


def test_a_run_of_few_patients_says_how_many_folds_give_a_threshold(
    plugin: Path, tmp_path: Path
) -> None:
    write_category(tmp_path / "data" / "mpox", 90, 14, 1)
    write_category(tmp_path / "data" / "measles", 140, 14, 2)
    write_category(tmp_path / "site" / "mpox", 90, 3, 3)
    write_category(tmp_path / "site" / "orf", 120, 3, 4)
    data = ImageOptions(
        data=(str(tmp_path / "data"),), external=(str(tmp_path / "site"),), canonical_size=32
    )

    def plan(folds: int) -> Plan:
        return make_plan(RunFile(detectors=(f"{plugin}:Brightness",), folds=folds, data=data))

    def notes(folds: int) -> list[str]:
        return [note for note in plan(folds).dataset.notes if "threshold" in note]

    own, external = notes(2)
    assert "external" in external
    assert "19" in own
    named = [int(note.split("--folds ")[2].split()[0]) for note in (own, external)]
    assert named[1] < named[0], "images that a fold tests do not set its threshold"
    for k, folds in enumerate(named):
        assert has_thresholds(plan(folds).images, folds)[k]
        assert not has_thresholds(plan(folds - 1).images, folds - 1)[k]
    assert notes(named[0]) == []


def has_thresholds(images: pd.DataFrame, folds: int) -> tuple[bool, bool]:
    """Whether there is a threshold for a run's own images, and for external ones."""
    fits = pd.DataFrame({name: [""] * folds for name in FIT_COLUMNS}).assign(
        fit_id=[f"fit-{k}" for k in range(folds)], fold=range(folds), seed=0, fitted_on="mpox"
    )
    fits = fits.assign(detector="mim", status="ok", control=False)
    scores = [
        images.loc[images[f"split_{k}"] != "train", ["image_id"]].assign(fit_id=f"fit-{k}")
        for k in range(folds)
    ]
    about = {"score": "mim/l1", "corruption": "clean", "severity": 0, "value": 0.0}
    table = operating_table(
        RunTables(
            pd.concat(scores, ignore_index=True).assign(**about),
            fits,
            images,
        )
    )
    abroad = table["role"] == "external"
    own, external = (bool(table.loc[side, "value"].notna().all()) for side in (~abroad, abroad))
    return own, external
