"""A shell completes names that come with mimbench."""

import pytest
from click import Command, Context
from typer.main import get_command

from mimbench.cli import app, listing, tools


@pytest.mark.parametrize(
    ("command", "parameter", "begun", "offered"),
    [
        ("run", "run_file", "to", ["tour"]),
        ("run", "suite", "qu", ["quick"]),
        ("run", "only", "histo", ["histogram"]),
        ("run", "detector", "mine.p", []),
        ("corrupt", "suite", "qu", ["quick"]),
        ("check", "name", "histo", ["histogram"]),
        ("verify", "claims", "mim-p", ["mim-paper"]),
        ("list", "what", "d", ["datasets", "detectors"]),
    ],
)
def test_a_name_that_is_begun_is_completed(
    command: str, parameter: str, begun: str, offered: list[str]
) -> None:
    own: Command = get_command(app).commands[command]  # type: ignore[attr-defined]
    (found,) = (one for one in own.params if one.name == parameter)
    context = Context(own)
    assert [item.value for item in found.shell_complete(context, begun)] == offered


def test_every_list_is_offered() -> None:
    assert set(tools.LISTS) == set(listing._LISTINGS)
