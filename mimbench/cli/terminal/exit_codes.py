"""Exit codes of every command: a crash never has the code of an answer."""

from collections.abc import Mapping
from enum import IntEnum

__all__ = ["MEANINGS", "ExitCode"]


class ExitCode(IntEnum):
    """What a command ended with; 70 and 74 are those of sysexits.h, from 130 on the shell's."""

    DONE = 0
    NO = 1
    USAGE = 2
    FAILED_ROWS = 3
    CRASHED = 70
    UNWRITABLE = 74
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.DONE: "done; the answer is not no (`gate`: no regression was found)",
    ExitCode.NO: "the answer is no: `gate`, `verify --strict`, `check`, `data check`",
    ExitCode.USAGE: "no answer; the reason is printed: usage, unreadable files, runs that cannot "
    "be compared",
    ExitCode.FAILED_ROWS: "`run` or `score` is finished, and some rows of it failed",
    ExitCode.CRASHED: "an unexpected error; the message names the file with the traceback",
    ExitCode.UNWRITABLE: "standard output or error cannot be written, such as to a full disk",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.READER_GONE: "the program that reads the output ended first",
    ExitCode.TERMINATED: "ended by SIGTERM",
}
