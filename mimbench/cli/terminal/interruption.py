"""Ctrl-C and SIGTERM end a long command with a sentence, not with a traceback."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from mimbench.cli.terminal.exit_codes import ExitCode
from mimbench.cli.terminal.streams import console

__all__ = ["interruptible"]


class _Terminated(BaseException):
    """SIGTERM, raised where the program is, so that everything cleans up after itself."""


@contextmanager
def interruptible(sentence: str) -> Iterator[None]:
    """Print `sentence` when the user or the system stops what happens inside.

    Raises:
        typer.Exit: with the shell's code for that: 130 for Ctrl-C, 143 for SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except _Terminated:
        code = ExitCode.TERMINATED
    else:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
    console(stderr=True).print(f"Interrupted. {sentence}")
    raise typer.Exit(code)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated
