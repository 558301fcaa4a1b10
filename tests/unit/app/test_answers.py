"""Three answers from scores and reasons, and their shares."""

import numpy as np
import torch

from mimbench.app.answers import Rule, answer_shares, disagreement
from mimbench.app.export.guard import Guard

GUARD = Guard(torch.zeros(1024), torch.zeros(5), torch.eye(5), 10.0, 240.0, -5.0, 3.0)
CLEAR = np.zeros((4, 4), dtype=bool)


def test_the_majority_answers_unless_it_is_too_small_or_the_guard_objects() -> None:
    rule = Rule(GUARD, 0.25)
    accepted = np.array([1.0, 0.75, 0.6, 0.0])
    assert rule.answers(accepted, CLEAR).tolist() == ["like", "like", "none", "unlike"]
    dark = CLEAR.copy()
    dark[0, 0] = True
    assert rule.answers(accepted, dark)[0] == "none"


def test_fits_that_often_disagree_are_allowed_to() -> None:
    none = np.zeros(100, dtype=bool)
    assert disagreement(np.ones(100), none) == 0.0
    assert disagreement(np.array([1.0] * 50 + [0.6] * 50), none) == 0.4
    assert disagreement(np.full(100, 0.5), none) == 0.5


def test_fits_may_disagree_more_where_the_guard_already_refuses_many() -> None:
    accepted = np.array([1.0] * 98 + [0.7, 0.9])
    refused = np.arange(100) < 4
    assert disagreement(accepted, ~np.ones(100, dtype=bool)) == 0.0
    assert disagreement(accepted, refused) == 0.1  # the fifth image alone
    assert disagreement(accepted, np.arange(100) < 5) == 0.34
    assert disagreement(accepted, np.arange(100) < 30) == 0.34  # refused in any case


def test_shares_count_each_kind_alone() -> None:
    reasons = CLEAR.copy()
    reasons[3, 2] = True
    kinds = np.array(["mpox", "mpox", "page", "page"], dtype=object)
    table = answer_shares(Rule(GUARD, 0.0), np.array([1.0, 1, 0, 0]), reasons, kinds)
    page = table.set_index("kind").loc["page"]
    assert table["kind"].tolist() == ["mpox", "page"]
    assert (page["unlike"], page["none"], page["why_blurred"], page["n"]) == (0.5, 0.5, 0.5, 2)
