"""Command-line options made of a model's flags, so that a flag is written once: at its field."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import typer

from mimbench.cli.completion import OF_FLAGS, shipped
from mimbench.flag import Flag

__all__ = ["with_flags"]

Result = TypeVar("Result")


def with_flags(
    flags: Sequence[Flag],
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Decorate a command so that it has these options in place of its parameter `given`.

    Args:
        flags: names of them are names of no other parameter of the command.

    Returns:
        A decorator. The command gets `given`: a dictionary from the flag's name to what the user
        said, None where that is nothing.
    """

    def decorate(command: Callable[..., Result]) -> Callable[..., Result]:
        own = inspect.signature(command, eval_str=True)

        @functools.wraps(command)
        def called(**values: Any) -> Result:
            given = {flag.name: values.pop(flag.name, None) for flag in flags}
            return command(**values, given=given)

        parameters: list[inspect.Parameter] = []
        for name, parameter in own.parameters.items():
            parameters += map(_parameter, flags) if name == "given" else [parameter]
        called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate


def _parameter(flag: Flag) -> inspect.Parameter:
    """The parameter from which typer makes the option."""
    kind = OF_FLAGS.get(flag.name)
    option = typer.Option(
        None,
        flag.option,
        metavar=flag.metavar or None,
        help=flag.help,
        rich_help_panel=flag.panel,
        autocompletion=shipped(kind) if kind else None,
    )
    return inspect.Parameter(
        flag.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=flag.kind | None
    )
