"""A new field of a model is an option of the command without a line of code in the command."""

from collections.abc import Mapping
from typing import Any

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from mimbench.cli.options import with_flags
from mimbench.flag import flags_of


class Study(BaseModel):
    cold_rooms: int | None = Field(default=None, description="How many rooms are cold.")
    lamps: tuple[str, ...] = Field(default=(), description="Names of lamps.")
    dim: bool = Field(default=False, description="Half the light.")


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @with_flags(list(flags_of(Study, "Rooms")))
    def command(where: str = "here", *, given: Mapping[str, Any], jobs: int = 1) -> None:
        print(where, jobs, dict(given))

    return app


def test_what_the_user_says_arrives_under_the_fields_names(app: typer.Typer) -> None:
    said = ["--cold-rooms", "3", "--lamps", "a", "--lamps", "b", "--dim", "--jobs", "2"]
    result = CliRunner().invoke(app, said)
    assert result.exit_code == 0
    given = {"cold_rooms": 3, "lamps": ["a", "b"], "dim": True}
    assert result.output.strip() == f"here 2 {given}"


def test_what_the_user_does_not_say_is_nothing(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, [])
    assert result.output.strip() == f"here 1 {dict.fromkeys(Study.model_fields)}"


def test_a_wrong_value_is_refused_with_the_options_name(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--cold-rooms", "many"])
    assert result.exit_code == 2
    assert "--cold-rooms" in result.output


def test_the_help_has_the_fields_descriptions_under_their_heading(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "Rooms" in shown
    for text in ("--cold-rooms", "How many rooms are cold.", "Half the light."):
        assert text in shown
