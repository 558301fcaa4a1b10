r"""File names as text, one to one: bytes that are no UTF-8 are shown as \xNN, and found by it."""

import os
import re
from pathlib import Path

__all__ = ["on_disk", "shown"]

_ESCAPED = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_LOOKS_ESCAPED = re.compile(r"\\(?=x(?:5c|[89a-f][0-9a-f]))")
_IN_NAMES = os.sep == "/"  # whether a backslash can be part of a name


def shown(path: Path | str) -> str:
    r"""The path as text that every table and terminal can hold, e.g. `caf\xe9.jpg`.

    A backslash that would look like the beginning of such an escape is written as `\x5c`.
    """
    text = str(path)
    if _IN_NAMES:
        text = _LOOKS_ESCAPED.sub(r"\\x5c", text)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def on_disk(text: str) -> Path:
    """The file that `shown` wrote as `text`."""
    if not _IN_NAMES and os.path.lexists(text):
        return Path(text)
    return Path(_ESCAPED.sub(_unescaped, text))


def _unescaped(match: re.Match[str]) -> str:
    return "\\" if match[1] == "5c" else chr(0xDC00 + int(match[1], 16))
