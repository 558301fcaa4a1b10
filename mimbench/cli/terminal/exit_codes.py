"""Exit codes of every command: a crash never has the code of an answer."""

from collections.abc import Mapping
from enum import IntEnum

__all__ = ["MEANINGS", "ExitCode"]


class ExitCode(IntEnum):
    """What a command ended with; 64 to 74 are those of sysexits.h, from 130 on the shell's.

    Below 64 there is an answer.
    """

    DONE = 0
    NO = 1
    NOT_COMPARABLE = 2
    FAILED_ROWS = 3
    USAGE = 64
    CRASHED = 70
    UNWRITABLE = 74
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.DONE: "done; the answer is not no (`gate`: no regression was found)",
    ExitCode.NO: "the answer is no: `gate`, `verify --strict`, `check`, `data check`",
    ExitCode.NOT_COMPARABLE: "`gate`: the two runs cannot be compared, or one of them is "
    "missing or damaged",
    ExitCode.FAILED_ROWS: "`run` or `score` is finished, and some rows of it failed; `gate`: a "
    "row that it judges failed in one of the two runs, and no other row is worse",
    ExitCode.USAGE: "no answer; the reason is printed: a wrong command line or file, a folder "
    "that is missing or cannot be written, a library that is not installed",
    ExitCode.CRASHED: "an unexpected error; the message names the file with the traceback",
    ExitCode.UNWRITABLE: "standard output or error cannot be written, such as to a full disk",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.READER_GONE: "the program that reads the output ended first",
    ExitCode.TERMINATED: "ended by SIGTERM",
}
