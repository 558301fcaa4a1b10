"""Standard output and error: nothing in them commands a terminal, and a failure has its own code.

Names in them come from folders and tables of strangers, and wherever they go may be full, closed,
or of an encoding with few letters.
"""

import codecs
import errno
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from mimbench.text import printable

__all__ = [
    "Unwritable",
    "console",
    "line_width",
    "result_only",
    "say",
    "say_error",
    "say_result",
    "standard_streams",
]

WIDTH = 100  # of output that goes to a file or pipe, characters, unless COLUMNS says another
NARROWEST = 40
PLAINER = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **{"\u2026": "...", "\u00d7": "x", "\u2192": "->", "\u2265": ">=", "\u2264": "<="},
        **{"\u2020": "+", "\u25bc": "v", "\u00b1": "+/-"},
    }
)


class Unwritable(BaseException):
    """Standard output or error takes no more; no reason for any detector or file to be blamed."""

    def __init__(self, error: OSError) -> None:
        """`error` is what writing raised."""
        super().__init__(error.strerror)
        self.closed = error.errno == errno.EPIPE
        self.reason = error.strerror or type(error).__name__


class _Guarded:
    """A stream whose failures are `Unwritable`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except OSError as error:
            raise Unwritable(error) from error

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            raise Unwritable(error) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Terminal(Console):
    """A console that prints names as they are: no markup, no emoji, no control characters."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


@dataclass
class _Result:
    """Where the result of a command goes, if not to `sys.stdout`; what to undo afterwards."""

    stream: TextIO | None = None
    descriptor: int | None = None


_result = _Result()


@contextmanager
def standard_streams() -> Iterator[None]:
    """Make standard output and error safe to write to, for as long as a command runs."""
    before = sys.stdout, sys.stderr
    codecs.register_error("mimbench", _closest)
    sys.stdout, sys.stderr = (_prepared(stream) for stream in before)
    try:
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        _undo()
        sys.stdout, sys.stderr = before
        for stream in before:
            _drop(stream)


def console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables where the output is a file or a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _asked_width()
    return _Terminal(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def line_width() -> int:
    """Characters of a line of sentences: as many as the terminal has, and at most 100."""
    return min(WIDTH, console().width)


def _asked_width() -> int:
    """Characters of a line where there is no terminal to ask."""
    asked = os.environ.get("COLUMNS", "")
    return max(NARROWEST, int(asked)) if asked.isdecimal() else WIDTH


def say(text: str, *, end: str = "\n") -> None:
    """Print text as it is, but for control characters."""
    sys.stdout.write(printable(text) + end)


def say_error(text: str) -> None:
    """Print text as it is on standard error."""
    sys.stderr.write(printable(text))


def say_result(text: str) -> None:
    """Print what a program will read, after `result_only` where nothing else goes."""
    stream = _result.stream or sys.stdout
    stream.write(text)
    stream.flush()


def result_only(wanted: bool) -> bool:
    """Keep standard output for the result alone: all else goes to standard error.

    That is what libraries, plug-ins and worker processes print. Called while options are parsed,
    before any of them exists.
    """
    if wanted and _result.stream is None:
        stream = sys.stdout
        stream.flush()
        if _descriptor(stream) == 1 and _descriptor(sys.stderr) is not None:
            _result.descriptor = os.dup(1)
            os.dup2(sys.stderr.fileno(), 1)
            kept = os.fdopen(_result.descriptor, "w", encoding=stream.encoding, closefd=False)
            stream = _prepared(kept)
        _result.stream = stream
        sys.stdout = sys.stderr
    return wanted


def _undo() -> None:
    """Give standard output back, after `result_only`."""
    if _result.descriptor is not None:
        os.dup2(_result.descriptor, 1)
        os.close(_result.descriptor)
    _result.stream = _result.descriptor = None


def _drop(stream: TextIO | None) -> None:
    """Throw away what a stream does not take, or Python would fail on it when it ends."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _prepared(stream: TextIO | None) -> TextIO:
    if stream is None:  # the caller closed it
        stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="mimbench")
    return cast(TextIO, _Guarded(stream))


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:
        return None


def _closest(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that the stream's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(map(_ascii, letters)), error.end


def _ascii(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter.translate(PLAINER))
    found = plain.encode("ascii", "ignore").decode("ascii")
    return found or letter.encode("ascii", "backslashreplace").decode("ascii")
