"""A run computes its controls at every size that its other rows see."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mimbench.data.dataset import ImageOptions
from mimbench.errors import RecipeError
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables


def sizes(folders: dict[str, Path], *detectors: str | dict[str, Any]) -> dict[str, int]:
    """Input size by row of a run on images that are kept at 96 px."""
    data = ImageOptions(data=(str(folders["data"]),), canonical_size=96)
    plan = make_plan(RunFile(detectors=detectors, data=data))
    return {recipe.name: plan.input_size(recipe) for recipe in plan.recipes}


def test_controls_are_added_at_the_sizes_that_other_rows_see(folders: dict[str, Path]) -> None:
    assert sizes(folders, "mim", "file-statistics", "histogram") == {
        "mim": 64,
        "file-statistics": 96,
        "file-statistics-64px": 64,
        "histogram": 64,
    }


def test_each_size_has_one_and_controls_of_controls_have_none(folders: dict[str, Path]) -> None:
    large = {"extends": "mim", "name": "large", "input_size": 96}
    own = {"extends": "histogram", "name": "colours", "input_size": 96}
    alone = {"extends": "complexity", "name": "own-size", "input_size": 32}
    found = sizes(folders, "mim", large, "histogram", own, "random-generator", alone)
    assert found == {
        **{"mim": 64, "large": 96, "histogram": 64, "colours": 96, "random-generator": 64},
        **{"own-size": 32, "own-size-64px": 64, "own-size-96px": 96},
    }


def test_a_copy_whose_name_is_taken_is_an_error_that_names_it(folders: dict[str, Path]) -> None:
    other = {"extends": "complexity", "name": "file-statistics-64px"}
    with pytest.raises(RecipeError, match="file-statistics-64px"):
        sizes(folders, "mim", "file-statistics", other)


def test_what_a_larger_size_shows_is_in_the_audit(tmp_path: Path) -> None:
    """Images with a fine grid in one collection, which averages out at half the size."""
    rng = np.random.default_rng(0)
    stripes = 6 * (-1) ** np.arange(128)[:, None, None]
    for place, fine in (("data/mpox", 0), ("data/measles", 0), ("other/acne", 1)):
        (tmp_path / place).mkdir(parents=True)
        for number in range(40):
            base = rng.normal(128, 20, (8, 8, 3)).repeat(16, 0).repeat(16, 1)
            noise = rng.normal(0, 4, (128, 128, 3))
            pixels = (base + noise + fine * stripes).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / place / f"{number}.png")
    plugin = tmp_path / "half.toml"
    plugin.write_text('name = "half"\ndetector = "complexity"\ninput_size = 64\n')
    data = ImageOptions(
        data=(str(tmp_path / "data"),), unknown=(str(tmp_path / "other"),), canonical_size=128
    )
    run = RunFile(detectors=(str(plugin), "file-statistics"), data=data)
    execute(make_plan(run), tmp_path / "run", Silent())
    assert "file-statistics-64px" in set(read_tables(tmp_path / "run").fits["detector"])
    audit = pd.read_csv(tmp_path / "run" / "audit.csv")
    (message,) = audit.loc[audit["check"] == "size", "message"]
    assert "file-statistics at 128 px" in message
    assert "unknown" in message
    assert "at 64 px 0." in message
