"""A short run on real photos: roles, sources and patients are what the collections say they are."""

from pathlib import Path

import pandas as pd
import pytest

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.report import write_report
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

SHORT_MIM = """
extends = "mim"
scores = ["l1", "ssim", "contrast", "residual"]
parameters = { steps = 20 }
"""


@pytest.fixture(scope="module")
def run(real_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    recipe = folder / "mim.toml"
    recipe.write_text(SHORT_MIM)
    images = ImageOptions(
        data=(str(real_images / "msld"),),
        unknown=(str(real_images / "skin18"),),
        abnormal=(str(real_images / "abnormal" / "documents"),),
        canonical_size=64,
    )
    detectors = (str(recipe), "harmonic", "histogram")
    result = execute(make_plan(RunFile(detectors=detectors, data=images)), folder, Silent())
    assert result.failures == ()
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def tables(run: Path) -> RunTables:
    return read_tables(run)


def test_every_image_has_its_role_and_the_repeated_file_counts_once(tables: RunTables) -> None:
    counts = tables.images.groupby("role").size()
    assert counts.to_dict() == {"target": 102, "known": 125, "unknown": 336, "abnormal": 25}
    target = tables.images[tables.images["role"] == "target"]
    assert target["patient"].nunique() == 55
    assert tables.images["image_id"].is_unique
    # NM68_01 and NM110_01 are one file, so that these two are one patient
    known = tables.images[tables.images["role"] == "known"]
    assert known["patient"].nunique() == 104


def test_no_patient_is_on_two_sides_of_the_split(tables: RunTables) -> None:
    trained = tables.images[tables.images["role"].isin(["target", "known"])]
    assert (trained.groupby("patient")["split_0"].nunique() == 1).all()
    assert set(tables.images.loc[tables.images["role"] == "unknown", "split_0"]) == {"test"}


def test_same_source_and_other_source_stand_on_separate_lines(run: Path) -> None:
    metrics = pd.read_parquet(run / "metrics.parquet")
    means = metrics[(metrics["category"] == "") & (metrics["metric"] == "auroc")]
    means = means[means["question"] == "detection"]
    groups = set(zip(means["role"], means["relation"], strict=True))
    assert groups == {
        ("known", "same-source"),
        ("unknown", "other-source"),
        ("abnormal", "other-source"),
    }
    unknown = metrics[(metrics["role"] == "unknown") & (metrics["metric"] == "auroc")]
    assert unknown.loc[unknown["row"] == "mim/residual", "category"].nunique() == 18 + 1
    assert set(means["row"]) == {
        "mim/l1",
        "mim/ssim",
        "mim/contrast",
        "mim/residual",
        "mim/untrained",
        "harmonic/rough",
        "harmonic/smooth",
        "histogram",
    }


def test_no_photo_is_copied_into_the_run(run: Path) -> None:
    assert not (run / "gallery").exists()
    assert "data:image/jpeg" not in (run / "index.html").read_text(encoding="utf-8")
