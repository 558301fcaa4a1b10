"""Figures that a folder has already, so that a page made again does not draw them again."""

import hashlib
import json
import pickle
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mimbench.errors import TableError
from mimbench.files import atomic_write, file_hash
from mimbench.report.figures import LIBRARIES, style_in_effect
from mimbench.scores.digests import read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawn", "fingerprint"]

RECORD = "drawn.json"
ENDINGS = (".png", ".svg")
PACKAGE = Path(__file__).parents[1]  # the report


class Drawn:
    """What `drawn.json` in a folder of figures says about them."""

    def __init__(self, folder: Path) -> None:
        """Read the record; one that is missing or damaged says nothing."""
        self.folder = folder
        self.before: dict[str, list[str]] = {}
        self.now: dict[str, list[str]] = {}
        try:
            content = read_json(folder / RECORD)
        except TableError:
            return
        if isinstance(content, dict):
            self.before = content

    def stands(self, stem: str, asked: str) -> bool:
        """Whether the files of this name are whole and were drawn with the fingerprint `asked`."""
        files = self._files(stem)
        if not all(file.is_file() for file in files):
            return False
        known = self.before.get(stem) == [asked, *map(file_hash, files)]
        if known:
            self.now[stem] = self.before[stem]
        return known

    def note(self, stem: str, asked: str) -> None:
        """Remember with which fingerprint the files of this name were drawn."""
        self.now[stem] = [asked, *map(file_hash, self._files(stem))]

    def write(self) -> None:
        """Replace the record."""
        with atomic_write(self.folder / RECORD) as unfinished:
            unfinished.write_text(json.dumps(self.now, indent=2), encoding="utf-8")

    def _files(self, stem: str) -> list[Path]:
        return [self.folder / f"{stem}{ending}" for ending in ENDINGS]


def fingerprint(figure: "partial[Figure]") -> str:
    """Digest of all that a figure depends on: function, arguments, style, our code, libraries.

    Equal fingerprints mean equal figures; the converse may fail, and then one is drawn again.
    """
    what = (figure.func.__qualname__, figure.args, figure.keywords)
    style = style_in_effect().encode()
    return hashlib.sha256(_drawn_by() + style + pickle.dumps(what, protocol=5)).hexdigest()


@cache
def _drawn_by() -> bytes:
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    digest.update(json.dumps([version(name) for name in LIBRARIES]).encode())
    return digest.digest()
