"""A run says at which size its images were corrupted, and can corrupt them as larger photos."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions
from mimbench.errors import RecipeError
from mimbench.evaluation.export import export_conditions
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.evaluation.scoring import corrupted
from mimbench.gate import GateSettings, gate
from mimbench.progress import Silent
from mimbench.report.build import write_report
from mimbench.runfolder.history import read_attempts
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import BESIDE, RunTables


def planned(folders: dict[str, Path], plugin: Path, scale: int | None, size: int = 48) -> Plan:
    data = ImageOptions(
        data=(str(folders["data"]),), unknown=(str(folders["unknown"]),), canonical_size=size
    )
    detectors = (f"{plugin}:Brightness", "complexity")
    return make_plan(
        RunFile(detectors=detectors, suites=("quick",), corruption_scale=scale, data=data)
    )


@pytest.fixture(scope="module")
def runs(
    folders: dict[str, Path], plugin: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[int | None, Path]:
    """The same run twice in one folder, corrupted as it is and at 224 px; copies of both."""
    place = tmp_path_factory.mktemp("scales")
    found: dict[int | None, Path] = {}
    for scale in (None, 224):
        execute(planned(folders, plugin, scale), place / "run", Silent())
        found[scale] = place / str(scale)
        found[scale].mkdir()
        for name in ("scores.parquet", "fits.parquet", "images.parquet", "run.json", *BESIDE):
            if (place / "run" / name).is_file():
                (found[scale] / name).write_bytes((place / "run" / name).read_bytes())
    found[0] = place / "run"
    return found


def values(tables: RunTables, *, clean: bool) -> pd.Series:
    own = tables.scores[(tables.scores["corruption"] == "clean") == clean]
    keys = ["score", "corruption", "severity", "image_id", "fit_id"]
    return own.set_index(keys)["value"].sort_index()


def test_clean_images_are_never_enlarged_and_nothing_else_is_taken_for_the_other(
    runs: dict[int | None, Path],
) -> None:
    own, enlarged = (read_tables(runs[scale]) for scale in (None, 224))
    pd.testing.assert_series_equal(values(own, clean=True), values(enlarged, clean=True))
    apart = values(own, clean=False) - values(enlarged, clean=False)
    noise = apart[apart.index.get_level_values("corruption") == "gaussian_noise"]
    assert (noise.xs("complexity/rough", level="score") > 0).all()
    second = read_attempts(runs[0])[-1]
    assert second.fits.computed == 0
    assert 0 < second.blocks.found < second.blocks.planned


def test_tables_and_record_say_at_which_size(runs: dict[int | None, Path]) -> None:
    for scale, size in ((None, 48), (224, 224)):
        assert read_tables(runs[scale]).corruption_size == size
        about = json.loads((runs[scale] / "run.json").read_text())
        assert (about["canonical_size"], about["corruption_size"]) == (48, size)
    notes = json.loads((runs[None] / "run.json").read_text())["notes"]
    assert any("48 px" in note and "224" in note for note in notes)
    assert any("not CIFAR-10-C" in note for note in notes)


def test_report_names_the_size(runs: dict[int | None, Path]) -> None:
    for scale, words in ((None, "48 px"), (224, "224 px, then resized to 48 px")):
        report = write_report(runs[scale])
        assert f"corrupted at {words}" in (runs[scale] / "leaderboard.md").read_text()
        assert f"on images of {words}" in report.page.read_text()
        board = pd.read_csv(runs[scale] / "leaderboard.csv")
        assert set(board["corrupted_at"]) == {words}
        figure = next((runs[scale] / "figures").glob("degradation_unknown*both.svg"))
        assert f"corrupted at {words}" in figure.read_text()


def test_runs_that_were_corrupted_at_different_sizes_are_not_comparable(
    runs: dict[int | None, Path],
) -> None:
    settings = GateSettings(rows=("complexity/rough",))
    result = gate(read_tables(runs[None]), read_tables(runs[224]), settings)
    assert result.exit_code == 2
    (problem,) = [problem for problem in result.problems if problem.kind == "conditions"]
    assert "48 px" in problem.message
    assert "224 px" in problem.message


def test_exported_pictures_are_those_that_were_scored(
    runs: dict[int | None, Path], folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    plan = planned(folders, plugin, 224)
    condition = next(c for c in plan.conditions if c.name == "gaussian_noise")
    export_conditions(str(runs[224]), tmp_path / "out", Silent())
    manifest = pd.read_csv(tmp_path / "out" / "manifest.csv")
    own = manifest[
        (manifest["corruption"] == condition.name) & (manifest["severity"] == condition.severity)
    ].iloc[0]
    row = int(np.flatnonzero(plan.images["image_id"] == own["image_id"])[0])
    expected = corrupted(plan, condition, np.array([row]))[0]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / own["file"])), expected)


def test_images_of_that_size_are_corrupted_as_they_are(
    folders: dict[str, Path], plugin: Path
) -> None:
    rows = np.arange(3)
    made = [
        corrupted(plan, plan.conditions[1], rows)
        for plan in (planned(folders, plugin, scale, size=64) for scale in (None, 64))
    ]
    np.testing.assert_array_equal(*made)


def test_a_scale_below_the_images_is_an_error_that_names_both(
    folders: dict[str, Path], plugin: Path
) -> None:
    with pytest.raises(RecipeError, match=r"corruption_scale = 32.*48 px"):
        planned(folders, plugin, 32)
