"""Test images are judged by the trained models that test them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from mimbench.app.export.guard import REASONS, Guard
from mimbench.app.exported import judge_tested

GUARD = Guard(torch.full((1024,), 1 / 1024), torch.zeros(5), torch.eye(5), 50.0, 240.0, -99.0, 1e9)


def test_each_test_image_is_judged_by_the_models_of_its_fold_and_a_guard_without_its_patient() -> (
    None
):
    row: Any = SimpleNamespace(
        row=None, thresholds=np.array([-9.0, -9.0]), tests=((0, 0, 1.0), (1, 1, 2.0))
    )
    # of two trained models on three images; 9 would be another answer than that of its fold
    values = np.array([[[0.5, 9.0, 1.5]], [[9.0, 1.5, 0.0]]])
    layout: Any = SimpleNamespace(
        values=lambda _: values,
        conditions=(("clean", 0),),
        test=np.array([[True, False, True], [False, True, False]]),
        is_target=np.array([True, True, True]),
        category=np.array(["mpox", "mpox", "mpox"]),
    )
    refuses = np.zeros((2, len(REASONS)), dtype=bool)
    refuses[1, REASONS.index("blurred")] = True
    pixels = torch.full((3, 3, 8, 8), 128, dtype=torch.uint8)
    pixels[2] = 3
    material: Any = SimpleNamespace(
        tested=pixels, tested_rows=np.array([0, 1, 2]), tested_own=np.array([0, 1, -1])
    )
    accepted, reasons, kinds = judge_tested(row, GUARD, refuses, material, layout)
    assert accepted.tolist() == [1.0, 1.0, 0.0]
    held = [[name for name, holds in zip(REASONS, one, strict=True) if holds] for one in reasons]
    assert held == [[], ["blurred"], ["dark"]]
    assert set(kinds) == {"mpox, test"}

    row.tests = ((0, 0, 1.0), (1, 1, float("nan")))  # too few validation images are left
    accepted, reasons, kinds = judge_tested(row, GUARD, refuses, material, layout)
    assert accepted.tolist() == [1.0, 0.0]
    assert len(reasons) == len(kinds) == 2


def test_an_abnormal_picture_of_the_run_is_judged_at_the_thresholds_of_the_app() -> None:
    row: Any = SimpleNamespace(
        row=None, thresholds=np.array([1.0, 3.0]), tests=((0, 0, 9.0), (1, 1, float("nan")))
    )
    layout: Any = SimpleNamespace(
        values=lambda _: np.array([[[2.0]], [[2.0]]]),
        conditions=(("clean", 0),),
        test=np.array([[True], [True]]),
        is_target=np.array([False]),
        category=np.array(["documents"]),
    )
    material: Any = SimpleNamespace(
        tested=torch.full((1, 3, 8, 8), 128, dtype=torch.uint8),
        tested_rows=np.array([0]),
        tested_own=np.array([-1]),
    )
    refuses = np.zeros((0, len(REASONS)), dtype=bool)
    accepted, _, kinds = judge_tested(row, GUARD, refuses, material, layout)
    assert accepted.tolist() == [0.5]
    assert kinds.tolist() == ["documents, test"]
