"""Ensembles are rows like any other, made of the score table alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_images import write_category

from mimbench.data.dataset import ImageOptions
from mimbench.errors import DetectorError, RecipeError, UnknownNameError
from mimbench.evaluation.external.external import score_external
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import RunResult, execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables
from mimbench.statistics.run.layout import Layout
from mimbench.testing import check


def ensemble(name: str, *rows: str) -> dict[str, Any]:
    return {"name": name, "detector": "ensemble", "parameters": {"rows": list(rows)}}


@pytest.fixture(scope="module")
def settings(
    folders: dict[str, Path], plugin: Path, tmp_path_factory: pytest.TempPathFactory
) -> RunFile:
    path = tmp_path_factory.mktemp("plugin") / "flat.py"
    path.write_text("def flat(images):\n    return images.float().mean((1, 2, 3)) * 0\n")
    data = ImageOptions(
        data=(str(folders["data"]),), unknown=(str(folders["unknown"]),), canonical_size=32
    )
    return RunFile(
        detectors=(
            f"{plugin}:Brightness",  # a fit per fold
            f"{plugin}:redness",  # one for all
            f"{path}:flat",
            "histogram",
            "complexity",
            ensemble("both", "Brightness", "redness"),
            ensemble("fitless", "redness", "complexity/rough"),
            ensemble("controls", "histogram", "complexity/rough"),
            ensemble("zero", "Brightness", "flat"),
            ensemble("absent", "Brightness", "redness/green"),
        ),
        folds=2,
        swap=("measles",),
        data=data,
    )


@pytest.fixture(scope="module")
def result(settings: RunFile, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return execute(make_plan(settings), tmp_path_factory.mktemp("run"), Silent())


@pytest.fixture(scope="module")
def tables(result: RunResult) -> RunTables:
    return read_tables(result.folder)


def scores_of(tables: RunTables, row: str, fitted_on: str, fold: int) -> pd.Series:
    fits = tables.fits[tables.fits["fitted_on"].isin([fitted_on, "nothing"])]
    fits = fits[fits["fold"].isna() | (fits["fold"] == fold)]
    own = tables.scores[tables.scores["score"] == row]
    return own[own["fit_id"].isin(fits["fit_id"])].set_index("image_id")["value"]


@pytest.mark.parametrize("fitted_on", ["mpox", "measles"])
def test_it_is_the_mean_of_z_scores_on_validation_images_of_its_own_fit(
    tables: RunTables, fitted_on: str
) -> None:
    images = tables.images.set_index("image_id")
    for fold in range(2):
        made = scores_of(tables, "both", fitted_on, fold)
        part = images[f"split_{fold}"]
        held_out = part.index[(part == "validation") & (images["category"] == fitted_on)]
        expected = 0.0
        for row in ("Brightness", "redness"):
            own = scores_of(tables, row, fitted_on, fold)
            reference = own.loc[held_out]
            expected += (own.loc[made.index] - reference.mean()) / reference.std() / 2
        np.testing.assert_allclose(made, expected, rtol=1e-12)
        assert set(made.index) == set(part.index[part != "train"])


def test_rows_without_a_fit_are_standardised_in_every_fold(tables: RunTables) -> None:
    fits = tables.fits[tables.fits["detector"] == "fitless"]
    assert fits["fold"].tolist() == [0, 1]
    assert set(fits["fitted_on"]) == {"mpox"}  # no member knows the swap category


def test_it_is_a_row_of_its_family_and_of_controls_a_control(tables: RunTables) -> None:
    assert tables.fits.drop(columns=["fold", "seed", "seconds"]).notna().all(axis=None)
    fits = tables.fits.drop_duplicates("detector").set_index("detector")
    assert set(fits.loc[["both", "fitless", "controls"], "family"]) == {"ensemble"}
    assert fits.loc[["both", "fitless", "controls"], "control"].tolist() == [False, False, True]
    assert {"both", "fitless", "controls"} <= {row.score for row in Layout(tables).rows}


def test_its_input_size_is_that_of_its_rows(tables: RunTables) -> None:
    sizes = tables.fits.drop_duplicates("detector").set_index("detector")["input_size"]
    assert (sizes["both"], sizes["controls"]) == (32, 64)
    assert (sizes["redness"], sizes["complexity"], sizes["fitless"]) == (32, 64, 0)


def test_what_cannot_be_combined_is_a_failed_row_with_the_reason(
    result: RunResult, tables: RunTables
) -> None:
    reasons = {row.score: row.reason for row in Layout(tables).rows}
    assert "flat has the same score on all validation images" in reasons["zero"]
    assert "there is no row redness/green" in reasons["absent"]
    assert {row for row, _ in result.failures} == {"zero", "absent"}
    assert not reasons["Brightness"]


def test_a_rerun_gives_the_same_table(
    settings: RunFile, result: RunResult, tables: RunTables
) -> None:
    execute(make_plan(settings), result.folder, Silent())
    again = read_tables(result.folder)
    pd.testing.assert_frame_equal(again.scores, tables.scores)
    pd.testing.assert_frame_equal(again.fits, tables.fits)


def test_new_images_get_the_ensembles_scores_too(
    settings: RunFile, result: RunResult, tables: RunTables, tmp_path: Path
) -> None:
    write_category(tmp_path / "site" / "mpox", 90, 3, 17)
    write_category(tmp_path / "site" / "orf", 200, 3, 18)
    plug_ins = [name for name in settings.detectors if isinstance(name, str) and ":" in name]
    external = score_external(result.folder, [str(tmp_path / "site")], Silent(), plug_ins)
    value = external.test.verdicts.groupby(["row", "category"])["value"].mean()
    assert value["both", "orf"] > value["both", "mpox"]
    old = external.tables.scores.merge(tables.scores, on=["fit_id", "score", "image_id"])
    old = old[old["score"] == "both"]
    assert len(old) > 0
    np.testing.assert_allclose(old["value_x"], old["value_y"])


def test_an_ensemble_of_what_the_run_has_not_is_refused_before_anything_is_computed(
    settings: RunFile,
) -> None:
    for rows, kind, message in (
        (("Brightness", "rednes"), UnknownNameError, "Did you mean redness"),
        (("Brightness", "complexity/ruogh"), UnknownNameError, "Did you mean complexity/rough"),
        (("Brightness", "both"), UnknownNameError, "detector of this run"),
        (("Brightness",), RecipeError, "two or more different rows"),
        (("redness", "redness"), RecipeError, "two or more different rows"),
    ):
        detectors = (*settings.detectors, ensemble("wrong", *rows))
        with pytest.raises(kind, match=message):
            make_plan(settings.model_copy(update={"detectors": detectors}))


def test_an_ensemble_has_nothing_to_check() -> None:
    with pytest.raises(DetectorError, match="made of other rows"):
        list(check("mim-resnet18"))
