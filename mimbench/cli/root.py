"""The command line's root: one place where errors become sentences and exit codes."""

import json
import math
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mimbench import __version__
from mimbench.errors import MimbenchError, OutputError

__all__ = [
    "Json",
    "Quiet",
    "app",
    "command_line",
    "console",
    "escape",
    "main",
    "print_json",
    "write_text",
]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Is this image detector robust? Measure it beside MIM, classifiers and controls.",
)

Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON; all else goes to stderr.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
WIDTH = 100  # of output that goes to a file or pipe, characters
OF_TORCH = ("torch", "torchvision", "pytorch_ood", "lpips")


def main() -> int:
    """Run the command line; every usage error is one sentence and exit code 2."""
    try:
        result = app(standalone_mode=False)
    except MimbenchError as error:
        return complain(str(error))
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in OF_TORCH:
            raise
        return complain(
            f"This command needs {error.name}, which is not installed here; reports, verdicts and "
            "the gate do without it. To install it: pip install torch torchvision mimbench."
        )
    except typer.Abort:
        return 130
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if hasattr(error, "format_message"):  # click's own usage errors
            return complain(error.format_message())
        raise
    return result if isinstance(result, int) else 0


def console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables where the output is a file or a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH)


def complain(text: str) -> int:
    console(stderr=True).print(f"[bold red]Error:[/] {escape(text)}", highlight=False)
    return 2


def escape(text: str) -> str:
    """Text that rich prints as it is."""
    return text.replace("[", r"\[")


def print_json(result: Any) -> None:
    """Print what a program will read: NaN and other missing values as null."""
    typer.echo(json.dumps(_finite(result), indent=2, default=str, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _version(show: bool) -> None:
    if show:
        typer.echo(f"mimbench {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Is this image detector robust? Measure it beside MIM, classifiers and controls."""


def command_line() -> str:
    """What the user typed, for the record."""
    program = Path(sys.argv[0]).name
    return shlex.join([os.fspath(program), *sys.argv[1:]])


def write_text(path: Path, text: str) -> None:
    """Write a file that the user named; an OutputError says why it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.") from error
