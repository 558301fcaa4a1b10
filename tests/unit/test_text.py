"""Words for people."""

import pytest

from mimbench.text import counted, listed, signed


@pytest.mark.parametrize(
    ("number", "noun", "verb", "words"),
    [
        (1, "image", "", "1 image"),
        (0, "image", "", "0 images"),
        (2, "category", "", "2 categories"),
        (3, "process", "", "3 processes"),
        (2, "day", "", "2 days"),
        (1, "target patient", "is", "1 target patient is"),
        (2, "target patient", "is", "2 target patients are"),
        (2, "patient", "has", "2 patients have"),
    ],
)
def test_nouns_and_verbs_agree_with_their_number(number, noun, verb, words):
    assert counted(number, noun, verb) == words


def test_names_follow_what_they_are():
    assert listed("column", ["path"]) == "column path"
    assert listed("column", ["path", "value", "seed"]) == "columns path, value and seed"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.051, "+0.05"), (-0.2, "-0.20"), (-0.004, "0.00"), (0.004, "0.00"), (float("nan"), "+nan")],
)
def test_a_difference_that_rounds_to_zero_has_no_sign(value: float, text: str) -> None:
    assert signed(value) == text
