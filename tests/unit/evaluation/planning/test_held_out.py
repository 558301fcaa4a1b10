"""What a fit needs of held-out images is compared with the folds before anything is fitted."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from small_images import write_category

from mimbench.data.dataset import ImageOptions
from mimbench.detectors.build import build
from mimbench.evaluation.fitting import training_set
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import try_plan
from mimbench.progress import Silent
from mimbench.recipes import read_recipe


class Kept(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., RunFile]:
    def make(images: int, **more: object) -> RunFile:
        photos = tmp_path / f"photos-{images}"
        if not photos.exists():
            write_category(photos / "mpox", 90, images, 1)
            write_category(photos / "orf", 170, images + 10, 2)
        data = ImageOptions(data=(str(photos),), canonical_size=32)
        return RunFile(name="few", data=data, **{"detectors": ("mim", "histogram"), **more})

    return make


def _notes(settings: RunFile) -> list[str]:
    return [note for note in make_plan(settings).dataset.notes if "held-out" in note]


def _validated(plan: Plan) -> int:
    own: pd.DataFrame = plan.images[plan.images["category"] == "mpox"]
    return int((own["split_0"] == "validation").sum())


def test_rows_without_enough_held_out_images_are_named_with_the_numbers_and_a_remedy(settings):
    (note,) = _notes(settings(16))
    told = re.fullmatch(
        r"Not run: mim/residual\. A fit needs 5 held-out images of mpox, and validation has 4\. "
        r"Add images of other mpox patients, or use --folds (\d+), the smallest number of folds "
        r"that gives enough\.",
        note,
    )
    assert told
    assert _notes(settings(16, folds=int(told[1]))) == []


def test_the_note_is_there_exactly_where_the_fit_has_no_such_score(settings):
    noted = set()
    for images in (16, 24):
        plan = make_plan(settings(images))
        few = replace(plan.fits[0], recipe=_short("mim"))
        fitted = build(few.recipe, 0)
        fitted.fit(training_set(plan, few, None, torch.device("cpu"), lambda *_: None))
        told = any("mim/residual" in note for note in plan.dataset.notes)
        assert told == ("residual" in fitted.not_run) == (_validated(plan) < 5)
        noted.add(told)
    assert noted == {True, False}


def test_a_dry_run_says_it_too(settings, tmp_path):
    kept = Kept()
    try_plan(settings(16, detectors=("mim",)), tmp_path / "out", kept)
    assert any("Not run: mim/residual" in message for message in kept.messages)


def test_without_a_number_of_folds_that_helps_only_images_do(settings):
    (note,) = _notes(settings(5))
    assert "no number of folds up to 20 gives enough" in note


def _short(name: str):
    recipe = read_recipe(name)
    return recipe.model_copy(update={"parameters": {**recipe.parameters, "steps": 1}})
