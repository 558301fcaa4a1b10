"""The card says what was compared, and what was not."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from mimbench.app.card import with_app
from mimbench.app.export.guard import REASONS
from mimbench.app.export.parity import Parity
from mimbench.report.model_card import ModelCard

PARITY = Parity("ONNX Runtime", 640, 2e-4, 3e-2, 0, "black.png")


def exported() -> Any:
    row = SimpleNamespace(fits=(1, 2, 3), name="mim/l1", patients=12, promise=12 / 13)
    columns = {"like": 0.1, "unlike": 0.2, "none": 0.7, "disagree": 0.0}
    columns |= {f"why_{reason}": 0.25 for reason in REASONS}
    shares = pd.DataFrame({"kind": ["black"], "n": [8], **columns})
    shown = {"silent": 0.021, "silent_test": 0.034, "caught": 0.9}
    return SimpleNamespace(row=row, shares=shares, **shown)


def test_the_card_names_each_runtime_with_its_largest_difference() -> None:
    card = with_app(ModelCard("Card", "mim/l1", (), ()), exported(), [PARITY], 12.0).markdown()
    assert "ONNX Runtime: 640 pictures" in card
    assert "0.03 standard deviations" in card
    assert "mim/l1 in model.onnx: 3" in card
    assert "12 ms in Chromium" in card
    assert np.all([f"{share} %" in card for share in (10, 20, 70, 25, 92)])


def test_without_a_browser_the_card_says_so() -> None:
    card = with_app(ModelCard("Card", "mim/l1", (), ()), exported(), [PARITY], None).markdown()
    assert "--no-browser" in card


def test_the_card_has_the_share_without_an_answer_of_validation_and_test_images() -> None:
    made = exported()
    card = with_app(ModelCard("Card", "mim/l1", (), ()), made, [PARITY], 12.0).markdown()
    assert "2.1 % of the target's validation images" in card
    assert "3.4 % of its test images" in card
    assert "on photos of new patients there may be more" in card
    made.silent_test = float("nan")
    card = with_app(ModelCard("Card", "mim/l1", (), ()), made, [PARITY], 12.0).markdown()
    assert "nan" not in card
