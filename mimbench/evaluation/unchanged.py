"""A run that has nothing to compute is known as such before torch is imported.

The record of what a run was made from lies in the user's cache, as that of its report. Photos are
not read for it: they are as they were if all files in their folders are those of before and none
was written to, as the file system says. It is kept for detectors that are shipped recipes, or these
with other numbers. What plug-ins, tables that name images elsewhere, CSV files without a folder,
and weights of one's own depend on is known only to who reads them, so such a run always plans
again.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mimbench.data.fetch.places import located
from mimbench.data.folder_state import folder_state
from mimbench.data.reading.accounting import Accounting
from mimbench.errors import OutputError, TableError
from mimbench.evaluation.execution.machine import cpu_model, memory_gib
from mimbench.evaluation.planning.run_file import RunFile
from mimbench.files import cache_record, entries_below, file_hash
from mimbench.recipes import names, parse_toml, shipped
from mimbench.runfolder.lock import check_free
from mimbench.scores.digests import read_sealed, write_sealed
from mimbench.scores.run_files import refuse_links
from mimbench.scores.tables import BESIDE, RECORD, TABLES

__all__ = ["KIND", "Source", "keep_run", "kept_run", "made_from"]

KIND = "runs"  # of the record
PACKAGE = Path(__file__).parents[1]
COMPILED = (".pyc", ".nbi", ".nbc")
WRITTEN = (RECORD, "starts.json", "audit.html", *BESIDE, *(f"{name}.parquet" for name in TABLES))
FOLDERS = ("audit", "gallery", "fits", "blocks")
# what decides threads and devices, and how libraries compute
VARIABLES = (
    *("ATEN", "DNNL", "GOMP", "KMP", "MIMBENCH", "MKL", "NUMBA", "OMP", "ONEDNN", "OPENBLAS"),
    *("CUBLAS", "CUDA", "HIP", "HSA", "NVIDIA", "PYTORCH", "ROCR", "TORCH"),
)
GPUS = ("nvidia[0-9]*", "kfd", "dxg")  # names of device files
# nanoseconds in which two changes of a file may have one time; FAT has the coarsest clock
ONE_TIME = 2 * 10**9


class Source(NamedTuple):
    """What a run is made from.

    Attributes:
        digest: of all of it.
        changed: the latest time of a file in the folders of images, nanoseconds since 1970.
    """

    digest: str
    changed: int


def made_from(settings: RunFile, folder: Path, *, jobs: int | None, strict: bool) -> Source | None:
    """All that a run depends on; None where more would have to be read to know it.

    Args:
        settings: of the run.
        folder: of the run.
        jobs: worker processes, as the user said.
        strict: whether a warning of the audit stops the run.
    """
    try:
        suites = [file_hash(Path(name)) for name in settings.suites if name.endswith(".toml")]
        recipes = [_recipe(spec) for spec in settings.detectors]
    except OSError:  # who reads it will say why
        return None
    if settings.data.harmonise or None in recipes:
        return None
    images = [folder_state(located(place)) for place in settings.data.files]
    states = [state for state in images if state is not None]
    if len(states) < len(images):
        return None
    told = [settings.model_dump(mode="json"), str(folder.absolute()), str(Path.cwd()), jobs, strict]
    files = [suites, recipes, [state.digest for state in states]]
    content = [told, files, _here(), _packages(), _code()]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Source(digest, max((state.changed for state in states), default=0))


def kept_run(folder: Path, source: Source) -> Accounting | None:
    """What became of each file, if a run made from this left all that lies in a folder as it lies.

    Raises:
        OutputError: something in the folder is a link, or another process holds the folder.
    """
    path = cache_record(KIND, folder)
    if path is None or not path.is_file():
        return None
    refuse_links(folder, store=True)
    check_free(folder)
    try:
        content, _ = read_sealed(path)
        same = content["made_from"] == source.digest
        if not (same and content["read"] == _digests(content["read"])):
            return None
        return Accounting(**content["files"]) if content["written"] == _written(folder) else None
    except (TableError, OSError, KeyError, TypeError):
        return None


def keep_run(
    folder: Path, source: Source, begun: int, files: Accounting, read: Mapping[Path, str]
) -> None:
    """Record that all of a run is in its folder, so that the same run need not look again.

    There is no record where a file could not be read, since the cause may be gone next time; nor
    where one had changed just before it was read, since it could have been written to once more at
    what the file system calls the same time.

    Args:
        folder: of the run, which finished without a failed row.
        source: `made_from` before the run was begun.
        begun: when the run began to read images, nanoseconds since 1970.
        files: what became of each file.
        read: SHA-256 of files that its detectors depend on.
    """
    path = cache_record(KIND, folder)
    if path is None or files.rejected or source.changed >= begun - ONE_TIME:
        return
    content = {
        "made_from": source.digest,
        "read": {str(file.absolute()): digest for file, digest in read.items()},
        "files": asdict(files),
        "written": _written(folder),
    }
    with suppress(OSError, OutputError):  # without a record the next run plans again
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(path, content)


def _recipe(spec: str | Mapping[str, Any]) -> Any:
    """The shipped recipe that a detector is, with other numbers in it; None for any other."""
    if isinstance(spec, str):
        if spec in names("baselines"):
            return spec
        if not spec.endswith(".toml"):
            return None
        spec = parse_toml(Path(spec))
    parameters = spec.get("parameters", {})
    ours = (
        spec.get("extends") in names("baselines")
        and "detector" not in spec
        and isinstance(parameters, Mapping)
        and all(isinstance(value, int | float) for value in parameters.values())
    )
    return spec if ours else None


def _here() -> list[Any]:
    """The machine, and what the environment says of threads and devices."""
    affinity = getattr(os, "sched_getaffinity", lambda _: ())(0)
    variables = {name: os.environ[name] for name in os.environ if name.startswith(VARIABLES)}
    devices = sorted(path.name for names in GPUS for path in Path("/dev").glob(names))
    machine = [platform.platform(), platform.python_version(), cpu_model(), os.cpu_count()]
    return [*machine, memory_gib(), sorted(affinity), devices, variables]


def _packages() -> list[list[str]]:
    """What is installed: names of the folders that say so, which have name and version."""
    found = []
    for place in sys.path:
        with suppress(OSError):
            names = (path.name for path in Path(place).iterdir())
            found.append(sorted(name for name in names if name.endswith("-info")))
    return [installed for installed in found if installed]


@cache
def _code() -> str:
    """Digest of the code of mimbench and of the recipes that come with it."""
    digest = hashlib.sha256()
    for place in (PACKAGE, shipped("baselines"), shipped("corruptions")):
        for path in sorted(map(Path, entries_below(place))):
            if path.is_file() and path.suffix not in COMPILED:
                digest.update(json.dumps([str(path.relative_to(place)), file_hash(path)]).encode())
    return digest.hexdigest()


def _digests(files: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of files as they are now; an OSError where one is gone."""
    return {name: file_hash(Path(name)) for name in files}


def _written(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a run, without those of its report."""
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in WRITTEN if (folder / name).is_file())
    for part in FOLDERS:
        if (folder / part).is_dir():
            entries = [entry for entry in entries_below(folder / part) if entry.is_file()]
            yield from sorted(map(Path, entries))
