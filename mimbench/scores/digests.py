"""JSON records that carry a digest of what they say, so that a change shows."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimbench.errors import TableError
from mimbench.files import atomic_write

__all__ = ["carries_digest", "read_json", "read_sealed", "write_sealed"]

SEAL = "digest"


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with the digest of its content.

    Raises:
        OutputError: the disk is full.
    """
    sealed = {**content, SEAL: _digest(content)}
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(sealed, indent=1) + "\n", encoding="utf-8")


def read_sealed(path: Path, *, accept_changed: bool = False) -> tuple[dict[str, Any], bool]:
    """Read a record, and whether it was changed since it was written.

    A record without a digest comes from another program, or from before records had one.

    Raises:
        TableError: it is no JSON object, or it was changed and that is not accepted.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise TableError(f"{path} is damaged: it holds no JSON object.")
    seal = content.pop(SEAL, None)
    changed = seal is not None and seal != _digest(content)
    if changed and not accept_changed:
        raise TableError(
            f"{path} is not as it was written: its SHA-256 is another one. Bring the file back or "
            "repeat the run; if you edited it on purpose, use --accept-changed."
        )
    return content, changed


def carries_digest(path: Path) -> bool:
    """Whether a record says what its own digest is, so that a change would show.

    Raises:
        TableError: it is not readable JSON.
    """
    content = read_json(path)
    return isinstance(content, dict) and SEAL in content


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        TableError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"{path} is not readable JSON: {said}.") from error


def _digest(content: Mapping[str, Any]) -> str:
    as_read = json.loads(json.dumps(content))  # keys are texts
    text = json.dumps(as_read, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
