"""The files of ONNX Runtime for browsers, which are not ours to keep in the repository."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from mimbench.errors import MissingPartError
from mimbench.files import atomic_write, user_cache

__all__ = ["FILES", "VERSION", "runtime_files"]

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
# of the package's archive, as the registry publishes it
INTEGRITY = (
    "sha512-"
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
# WebAssembly on one thread: more threads need headers that static hosts do not send
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
SECONDS = 600


def runtime_files(folder: Path | None = None) -> dict[str, Path]:
    """The runtime's files by name.

    Args:
        folder: where they lie, for machines without npm; by default they are fetched once, with
            npm, into the user's cache.

    Raises:
        MissingPartError: they are neither there nor can be fetched.
    """
    place = folder or _cached()
    found = {name: _find(place, name) for name in FILES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise MissingPartError(
            f"{place} lacks {', '.join(missing)} of {PACKAGE} {VERSION}; --runtime takes the "
            "folder `dist` of that package."
        )
    return {name: path for name, path in found.items() if path is not None}


def _find(folder: Path, name: str) -> Path | None:
    places = (folder / name, folder / "dist" / name)
    return next((path for path in places if path.is_file()), None)


def _cached() -> Path:
    """Folder in the user's cache with the files, fetched if need be."""
    cache = user_cache()
    if cache is None:
        raise MissingPartError(
            f"There is no home folder to keep {PACKAGE} in: set XDG_CACHE_HOME, or give the folder "
            "of its files with --runtime DIR."
        )
    folder = cache / f"{PACKAGE}-{VERSION}"
    if not all((folder / name).is_file() for name in FILES):
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingPartError(
            f"The app needs {PACKAGE} {VERSION}, and there is no npm to fetch it: install npm, or "
            "give the folder of its files with --runtime DIR."
        )
    with tempfile.TemporaryDirectory() as work:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", work]
        try:
            done = subprocess.run(
                command, cwd=work, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            problem = (done.stderr or done.stdout).strip().splitlines()
        except subprocess.TimeoutExpired:
            problem = [f"no answer in {SECONDS} s"]
        archives = list(Path(work).glob("*.tgz"))
        if not archives:
            why = f" ({problem[-1]})" if problem else ""
            raise MissingPartError(
                f"npm cannot fetch {PACKAGE} {VERSION}{why}; give the folder of its files with "
                "--runtime DIR."
            )
        _check(archives[0])
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archives[0]) as archive:
            for name in FILES:
                member = archive.extractfile(f"package/dist/{name}")
                if member is not None:
                    with atomic_write(folder / name) as partial:
                        partial.write_bytes(member.read())


def _check(archive: Path) -> None:
    """Refuse an archive that is not the one that this version of mimbench was tested with."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise MissingPartError(
            f"{PACKAGE} {VERSION} from npm is not the published archive: its SHA-512 differs."
        )
