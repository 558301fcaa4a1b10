"""Every file that was found is read, rejected or left out, and the reader is told which."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mimbench.data.reading.tree import LeftOut
from mimbench.text import counted

__all__ = ["Accounting", "account", "parts_note", "unread_files"]

COLUMNS = ("path", "what", "reason", "files")
_NAMED = 3  # files that a note names


@dataclass(frozen=True)
class Accounting:
    """How many files were found, and what became of them.

    Attributes:
        read: images that were read.
        rejected: files that should be images and cannot be read.
        left_out: all other files, by kind.
    """

    read: int
    rejected: int
    left_out: Mapping[str, int]

    @property
    def found(self) -> int:
        """All files; in a CSV file each row counts."""
        return self.read + self.rejected + sum(self.left_out.values())

    @property
    def sentence(self) -> str:
        """The account in one line."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.left_out.items())
        why = f" ({kinds})" if kinds else ""
        return (
            f"{counted(self.found, 'file')} found: {self.read} read, "
            f"{self.rejected} rejected, "
            f"{sum(self.left_out.values())} left out{why}."
        )

    def as_json(self) -> dict[str, Any]:
        """The account for a program."""
        return {
            "found": self.found,
            "read": self.read,
            "rejected": self.rejected,
            "left_out": sum(self.left_out.values()),
            "left_out_because": dict(self.left_out),
        }


def account(read: int, rejected: int, left_out: Iterable[LeftOut]) -> Accounting:
    """The account of files that were read, rejected and left out."""
    kinds: Counter[str] = Counter()
    for entry in left_out:
        kinds[entry.kind] += entry.files
    return Accounting(read, rejected, dict(sorted(kinds.items())))


def unread_files(rejected: Sequence[tuple[str, str]], left_out: Iterable[LeftOut]) -> pd.DataFrame:
    """All files that were not read, as rejected.csv has them.

    Returns:
        path, what ("rejected" or "left out"), reason, and files: 1, or how many a folder holds
        whose files are left out together.
    """
    rows = [(path, "rejected", reason, 1) for path, reason in rejected]
    rows += [(entry.path, "left out", entry.reason, entry.files) for entry in left_out]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {"path": "str", "what": "str", "reason": "str", "files": "int64"}
    )


def parts_note(dropped: Sequence[str]) -> tuple[str, ...]:
    """A note on files of which a part was left out, each as "path: what"."""
    if not dropped:
        return ()
    named = "; ".join(dropped[:_NAMED]) + "; ..." * (len(dropped) > _NAMED)
    return (
        f"photos read without a part of their file (broken metadata, or frames after the first): "
        f"{len(dropped)} ({named}).",
    )
