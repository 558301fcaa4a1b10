"""The command line's root: one place where errors become sentences and exit codes."""

import contextlib
import errno
import json
import math
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from mimbench import __version__
from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.streams import (
    Unwritable,
    console,
    result_only,
    say,
    say_error,
    say_result,
    standard_streams,
)
from mimbench.errors import MimbenchError, OutputError

__all__ = [
    "Json",
    "Quiet",
    "app",
    "command_line",
    "main",
    "print_json",
    "show_help",
    "write_text",
]


app = typer.Typer(
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Is this image detector robust? Measure it beside MIM, classifiers and controls.",
)

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the result as JSON; all else goes to stderr.",
        callback=result_only,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
LONGEST = 300  # characters of an unexpected error that are printed
# what is wrong with the machine, not with mimbench
OF_SYSTEM = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
             errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE, errno.EIO)  # fmt: skip


OF_TORCH = ("torch", "torchvision", "pytorch_ood", "lpips")


def main() -> int:
    """Run the command line; returns the exit code (`ExitCode`)."""
    try:
        with standard_streams():
            return _answered()
    except Unwritable as error:
        if error.closed:  # whoever read, as in `mimbench list runs | head -1`, has seen enough
            return ExitCode.READER_GONE
        with contextlib.suppress(Unwritable), standard_streams():
            complain(f"The output cannot be written: {error.reason}.")
        return ExitCode.UNWRITABLE


def _answered() -> int:
    """Run the command. What a user can mend is one sentence; the rest is a crash."""
    try:
        result = app(standalone_mode=False)
    except MimbenchError as error:
        return complain(str(error))
    except typer.Abort as stop:
        if isinstance(stop.__cause__, EOFError):  # typer takes any for the end of a prompt
            return crashed(stop.__cause__)
        say_error("Interrupted.\n")  # also while a command imports what it needs
        return ExitCode.INTERRUPTED
    except typer.Exit as stop:
        return stop.exit_code
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in OF_TORCH:
            return crashed(error)
        return complain(
            f"This command needs {error.name}, which is not installed here; reports, verdicts and "
            "the gate do without it. To install it: pip install torch torchvision mimbench."
        )
    except OSError as error:
        if error.filename is None or error.errno not in OF_SYSTEM:
            return crashed(error)
        return complain(f"Cannot use {os.fsdecode(error.filename)}: {error.strerror}.")
    except Unwritable:
        raise
    except BaseException as error:
        if hasattr(error, "format_message"):  # click's own usage errors
            return complain(error.format_message())
        if isinstance(error, SystemExit) and _raised_by_typer(error):
            before = error.__context__
            if before is None:
                return ExitCode.DONE  # it showed or installed completion for a shell
            if isinstance(before, BrokenPipeError) and _raised_by_typer(before):
                raise Unwritable(before) from error  # while it printed help
        return crashed(error)
    return result if isinstance(result, int) else ExitCode.DONE


def _raised_by_typer(error: BaseException) -> bool:
    """Whether an error arose in typer itself, and not in code that a command ran."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals["__name__"].startswith("typer.")


def complain(text: str) -> int:
    """Print one sentence about what the user can mend; returns the exit code for it."""
    said = Text.assemble(("Error:", "bold red"), f" {text}")
    console(stderr=True).print(said, soft_wrap=True)  # a path in it can be copied
    return ExitCode.USAGE


def crashed(error: BaseException) -> int:
    """Print one line about an unexpected error, and keep its traceback in a file."""
    trace = "".join(traceback.format_exception(error))
    said = " ".join(f"{type(error).__name__}: {error}".split())
    about = f"{command_line()}\nmimbench {__version__}, Python {sys.version}, {sys.platform}\n\n"
    try:
        descriptor, name = tempfile.mkstemp(prefix="mimbench-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(about + trace)
        place = f"The traceback is in {name}; please report it with that file."
    except OSError:
        say_error(trace)
        place = "The traceback stands above; please report it with that."
    complain(f"mimbench crashed: {said[:LONGEST]}. {place}")
    return ExitCode.CRASHED


def print_json(result: Any) -> None:
    """Print what a program will read: NaN and other missing values as null."""
    say_result(json.dumps(_finite(result), indent=2, default=str, allow_nan=False) + "\n")


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
        say(f"mimbench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Is this image detector robust? Measure it beside MIM, classifiers and controls."""
    show_help(context)


def show_help(context: typer.Context) -> None:
    """Print the help of a group where no command of it is named; that is no mistake."""
    if context.invoked_subcommand is None:
        text = context.get_help()
        say(text, end="\n" * bool(text))  # typer's own rich help prints itself


def command_line() -> str:
    """What the user typed, for the record."""
    program = Path(sys.argv[0]).name
    if program == "__main__.py":  # of `python -m mimbench`
        program = "mimbench"
    return shlex.join([program, *sys.argv[1:]])


def write_text(path: Path, text: str) -> None:
    """Write a file that the user named; an OutputError says why it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.") from error
