"""A run that has nothing to compute is known as such before torch is imported.

The record of what a run was made from lies in the user's cache, as that of its report. It is kept
for runs of generated images by shipped recipes and suites: what photos, plug-ins, and suites and
weights of one's own depend on is known only to who reads them, so such a run always plans again.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mimbench.data.options import GENERATED, PHANTOM, ImageOptions
from mimbench.errors import OutputError, TableError
from mimbench.evaluation.execution.machine import cpu_model, memory_gib
from mimbench.evaluation.planning.run_file import RunFile
from mimbench.files import cache_record, entries_below, file_hash
from mimbench.recipes import names, shipped
from mimbench.runfolder.lock import check_free
from mimbench.scores.digests import read_sealed, write_sealed
from mimbench.scores.run_files import refuse_links
from mimbench.scores.tables import BESIDE, RECORD, TABLES

__all__ = ["KIND", "keep_run", "made_from", "nothing_to_compute"]

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


def made_from(settings: RunFile, folder: Path, *, jobs: int | None, strict: bool) -> str | None:
    """Digest of all that a run depends on; None where more would have to be read to know it.

    Args:
        settings: of the run.
        folder: of the run.
        jobs: worker processes, as the user said.
        strict: whether a warning of the audit stops the run.
    """
    shipped_suites = set(settings.suites) <= set(names("corruptions"))
    if not (
        shipped_suites and _generated(settings.data) and all(map(_shipped, settings.detectors))
    ):
        return None
    told = [settings.model_dump(mode="json"), str(folder.absolute()), str(Path.cwd()), jobs, strict]
    content = [told, _here(), _packages(), _code()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def nothing_to_compute(folder: Path, source: str) -> bool:
    """Whether a run with this `made_from` left all that lies in a folder, as it lies there.

    Raises:
        OutputError: something in the folder is a link, or another process holds the folder.
    """
    path = cache_record(KIND, folder)
    if path is None or not path.is_file():
        return False
    refuse_links(folder, store=True)
    check_free(folder)
    try:
        content, _ = read_sealed(path)
        same = content["made_from"] == source and content["read"] == _digests(content["read"])
        return bool(same and content["written"] == _written(folder))
    except (TableError, OSError, KeyError, TypeError):
        return False


def keep_run(folder: Path, source: str, read: Mapping[Path, str]) -> None:
    """Record that all of a run is in its folder, so that the same run need not look again.

    Args:
        folder: of the run, which finished without a failed row.
        source: `made_from` before the run was begun.
        read: SHA-256 of files that its detectors depend on.
    """
    path = cache_record(KIND, folder)
    if path is None:
        return
    files = {str(file.absolute()): digest for file, digest in read.items()}
    content = {"made_from": source, "read": files, "written": _written(folder)}
    with suppress(OSError, OutputError):  # without a record the next run plans again
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(path, content)


def _generated(data: ImageOptions) -> bool:
    """Whether a run reads no file to have its images."""
    drawn = set(data.data) == {PHANTOM} and set(data.abnormal) <= {GENERATED}
    return drawn and not (data.unknown or data.external or data.harmonise)


def _shipped(spec: str | Mapping[str, Any]) -> bool:
    """Whether a detector is one of the shipped recipes, with at most other numbers in it."""
    if isinstance(spec, str):
        return spec in names("baselines")
    parameters = spec.get("parameters", {})
    return (
        spec.get("extends") in names("baselines")
        and "detector" not in spec
        and isinstance(parameters, Mapping)
        and all(isinstance(value, int | float) for value in parameters.values())
    )


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
