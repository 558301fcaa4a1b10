"""Content-addressed results of a run: fitted states and blocks of scores.

An address is the hash of everything that a result depends on, so a rerun finds what is done, a
changed parameter recomputes what it touches, and no entry can serve another model's numbers.
Tensors are kept as safetensors, numbers as parquet, the rest as JSON; nothing is ever unpickled.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import mimbench
from mimbench.errors import OutputError, TableError
from mimbench.files import atomic_write, disk_full_as_error
from mimbench.recipes import content_hash
from mimbench.scores.digests import read_sealed, write_sealed

__all__ = ["FitEntry", "Store", "fit_code", "score_code"]

# What decides a fitted state beside its address: how images are read and detectors trained, and
# which images a training gets. What only plans, keeps or carries results is in neither list.
FIT_CODE = ("compiled.py", "corruptions", "data", "detectors", "evaluation/fitting.py")
# A score depends on how images are corrupted, resized and batched too.
SCORE_CODE = (*FIT_CODE, "evaluation/scoring.py")


@cache
def fit_code() -> str:
    """Version of mimbench with a hash of the code that fitted states depend on."""
    return _version(FIT_CODE)


@cache
def score_code() -> str:
    """Version of mimbench with a hash of the code that scores depend on."""
    return _version(SCORE_CODE)


def _version(parts: Sequence[str]) -> str:
    package = Path(mimbench.__file__).parent
    digest = hashlib.sha256()
    for part in parts:
        place = package / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return f"{mimbench.__version__}+{digest.hexdigest()[:12]}"


@dataclass(frozen=True)
class FitEntry:
    """One fitted detector on disk.

    Attributes:
        content: of the state's file, as `mimbench.detectors.statefile` encodes it.
        state_hash: SHA-256 of it.
        seconds: wall time of the fit.
        about: what the state depends on, as `fit_address` said.
    """

    content: bytes
    state_hash: str
    seconds: float
    about: Mapping[str, Any]


class Store:
    """The fitted states and score blocks below one run's folder."""

    def __init__(self, folder: Path) -> None:
        """Nothing happens on disk."""
        self.folder = folder

    def prepare(self) -> None:
        """Create the folder if need be, and see whether it can be written.

        Raises:
            OutputError: it cannot.
        """
        try:
            for part in ("fits", "blocks"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise OutputError(
                f"Cannot write to {self.folder}: {error.strerror}; choose another folder with "
                "--out."
            ) from error

    def checkpoint(self, fit_id: str) -> Path:
        """Where a training may keep what it needs to go on after an interruption."""
        return self.folder / "fits" / f"{fit_id}.checkpoint.safetensors"

    def has_fit(self, fit_id: str) -> bool:
        """Whether a fit is there, without a look at whether it is whole."""
        return all(path.is_file() for path in self.fit_paths(fit_id))

    def read_fit(self, fit_id: str) -> FitEntry | None:
        """The fitted state, or None if it is absent or damaged (then it is fitted again)."""
        path, note = self.fit_paths(fit_id)
        if not (path.is_file() and note.is_file()):
            return None
        try:
            content = path.read_bytes()
            described, _ = read_sealed(note)
            state_hash, seconds = str(described["state_hash"]), float(described["seconds"])
        except (OSError, TableError, ValueError, KeyError, TypeError):
            return None
        if _digest(content) != state_hash:
            return None
        return FitEntry(content, state_hash, seconds, described)

    def write_fit(
        self, fit_id: str, content: bytes, seconds: float, about: Mapping[str, Any]
    ) -> FitEntry:
        """Keep a fitted state with a JSON file that says what it is."""
        path, note = self.fit_paths(fit_id)
        with disk_full_as_error(self.folder):
            path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as partial:
            partial.write_bytes(content)
        entry = FitEntry(content, _digest(content), seconds, about)
        write_sealed(note, {"state_hash": entry.state_hash, "seconds": seconds, **about})
        self.checkpoint(fit_id).unlink(missing_ok=True)
        return entry

    def fit_bytes(self, fit_id: str) -> int:
        """Size of a fitted state."""
        return self.fit_paths(fit_id)[0].stat().st_size

    def fit_paths(self, fit_id: str) -> tuple[Path, Path]:
        """Files of a fit: its state, and what that is."""
        folder = self.folder / "fits"
        return folder / f"{fit_id}.safetensors", folder / f"{fit_id}.json"

    def block(self, address: Mapping[str, Any]) -> Path:
        """File of the scores with this address."""
        name = f"{content_hash(address)[:24]}.parquet"
        return self.folder / "blocks" / str(address["fit_id"]) / name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
