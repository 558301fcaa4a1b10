r"""File names as text: bytes that are no UTF-8 are shown as \xNN, and found again by it."""

import os
import re
from pathlib import Path

__all__ = ["on_disk", "shown"]

_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


def shown(path: Path | str) -> str:
    r"""The path as text that every table and terminal can hold, e.g. `caf\xe9.jpg`."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def on_disk(text: str) -> Path:
    """The file that `shown` wrote as `text`."""
    path = Path(text)
    if not _ESCAPED.search(text) or os.path.lexists(path):
        return path
    return Path(_ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), text))
