"""What is offered in place of a name that is not known."""

import pytest

from mimbench.errors import UnknownNameError

ROWS = ("histogram", "mim/l1", "mim/residual", "resnet18/energy", "resnet18/posterior")


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("histogramm", "Did you mean histogram?"),
        ("hist", "Did you mean histogram?"),
        ("resnet18/posterio", "Did you mean resnet18/posterior?"),
        ("rsnet18/energy", "Did you mean resnet18/energy?"),
        ("mim", "mim has mim/l1, mim/residual."),
        ("mim/ssim", "mim has mim/l1, mim/residual."),
    ],
)
def test_a_misspelt_row_gets_the_row_that_was_meant(name: str, offered: str) -> None:
    assert offered in str(UnknownNameError("row", name, ROWS))


@pytest.mark.parametrize("name", ["vae", "resnet50/mls", "complexity", "residual"])
def test_what_is_like_no_row_gets_the_list_and_no_guess(name: str) -> None:
    said = str(UnknownNameError("row", name, ROWS))
    assert "Did you mean" not in said
    assert all(row in said for row in ROWS)
