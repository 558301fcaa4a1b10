"""A frozen network sees each image of a shard once, however many fits read it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_plans import planned
from torch import Tensor
from torchvision.models import SqueezeNet

from mimbench.evaluation.fitting import Fit, fit_addresses, fit_or_load
from mimbench.evaluation.planning import plan as planning
from mimbench.evaluation.planning.plan import Plan
from mimbench.evaluation.scoring import (
    BATCH,
    Shard,
    block_address,
    count_images,
    score_images,
    score_unit,
    scored_rows,
    units,
)
from mimbench.runfolder.score_blocks import read_block
from mimbench.runfolder.store import Store
from mimbench.scores.splits import part_masks

CPU = torch.device("cpu")
ROWS = ("knn-features", "padim", "patchcore")


def fitted(plan: Plan, store: Store) -> list[Fit]:
    addresses = fit_addresses(plan, CPU)
    return [
        fit_or_load(plan, position, addresses, store, CPU, lambda *_: None)
        for position in range(len(plan.fits))
    ]


def test_rows_on_one_network_share_its_forward_pass_and_keep_their_scores(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(folders, list(ROWS), folds=2)
    store = Store(tmp_path / "run")
    store.prepare()
    fits, unit = fitted(plan, store), next(iter(units(plan)))
    passes: list[int] = []
    forward = SqueezeNet.forward

    def counted(self: SqueezeNet, images: Tensor) -> Tensor:
        passes.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(SqueezeNet, "forward", counted)
    assert not list(score_unit(Shard(plan, unit), fits, store, CPU))
    assert len(fits) == 2 * len(ROWS)
    assert len(passes) == -(-len(unit.rows) // BATCH)
    index = plan.images.reset_index(drop=True).reset_index().set_index("image_id")["index"]
    for fit in fits:
        address = block_address(plan, unit, fit)
        assert address is not None
        block = read_block(store.block(address))
        assert block is not None
        pixels = plan.dataset.pixels[index[block.scores["image_id"]]]
        alone = score_images(fit, pixels, plan.input_size(fit.spec.recipe), CPU)
        for row, values in alone.items():
            np.testing.assert_array_equal(block.scores[row], values)


def test_which_images_are_scored_is_looked_up_once_for_all_conditions_and_fits(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(images: pd.DataFrame, part: str) -> np.ndarray:
        asked.append(part)
        return part_masks(images, part)

    monkeypatch.setattr(planning, "part_masks", counted)
    plan = planned(folders, ["complexity", "histogram"], folds=2, suites=("quick",))
    asked.clear()
    parts = plan.images["split_1"]
    (corrupted,) = {tuple(scored_rows(plan, own, 1)) for own in plan.conditions if own.corruption}
    assert list(corrupted) == (parts == "test").tolist()
    clean = next(own for own in plan.conditions if own.corruption is None)
    assert scored_rows(plan, clean, 1).tolist() == parts.isin(["test", "validation"]).tolist()
    assert len(count_images(plan, plan.fits)) == len(plan.fits)
    assert sorted(asked) == ["test", "validation"]
