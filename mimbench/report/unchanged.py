"""A report that would come out the same is not made again.

The record of what it was made from lies in the user's cache, not in the run's folder: the report of
a folder from elsewhere is always made here.
"""

import hashlib
import json
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mimbench.errors import OutputError, TableError
from mimbench.files import cache_record, file_hash
from mimbench.recipes import shipped
from mimbench.report.figures import LIBRARIES as DRAWING
from mimbench.report.figures import style_in_effect
from mimbench.report.leaderboard.printed import PrintedBoard
from mimbench.runfolder.history import history_problem
from mimbench.scores.digests import read_sealed, write_sealed
from mimbench.scores.run_files import AS_IS, refuse_links
from mimbench.scores.tables import BESIDE, TABLES
from mimbench.scores.tables import RECORD as RUN

if TYPE_CHECKING:
    from mimbench.report.build import Report

__all__ = ["KeptReport", "keep_report", "kept_report", "made_from"]

LIBRARIES = (*DRAWING, "jinja2", "numba", "pillow", "pyarrow", "scikit-learn")
KIND = "reports"  # of the record
PACKAGE = Path(__file__).parents[1]
CODE = (".py", ".j2", ".css", ".js")
TOLD_ANEW = "date"  # in run.json: the same command writes another one
BY_OTHERS = ("verdicts.json", "subgroups.csv", "derived.json")
MADE = ("*.csv", "*.parquet", "*.html", "*.md", "*.tex", "figures/*")


@dataclass(frozen=True)
class KeptReport:
    """What is told of a report after it was made.

    Attributes:
        page: the self-contained index.html.
        doubts: why the run's files may not be what a run wrote.
        board: the leaderboard as it is printed.
        leaderboard: its lines as in leaderboard.csv.
        again: whether it was made just now.
    """

    page: Path
    doubts: tuple[str, ...]
    board: PrintedBoard
    leaderboard: list[dict[str, Any]]
    again: bool

    @classmethod
    def of(cls, report: "Report") -> Self:
        """What is told of a report that was just made."""
        # they take long to import, and a kept report needs neither
        from mimbench.report.leaderboard.formats import leaderboard_frame
        from mimbench.report.leaderboard.terminal import printed_board

        lines = leaderboard_frame(report.board).to_dict("records")
        told = [{str(name): _plain(value) for name, value in line.items()} for line in lines]
        return cls(report.page, tuple(report.run.doubts), printed_board(report), told, True)


def kept_report(folder: Path, *, accept_changed: bool = False) -> KeptReport | None:
    """The report in a run's folder, if it is what would be made; else None.

    It is so where all that it is made from is as it was: tables and other files, the code of
    mimbench, its libraries; and where all files of the report are as they were written. The time
    that the run took is not looked at: the same command again adds an attempt, and computes none.

    Args:
        folder: of the run.
        accept_changed: as the report would be made.

    Raises:
        OutputError: something in the folder is a link.
    """
    refuse_links(folder)
    path = cache_record(KIND, folder)
    if path is None or not path.is_file() or history_problem(folder):
        return None
    try:
        content, _ = read_sealed(path)
        same = content["made_from"] == made_from(folder, accept_changed=accept_changed)
        if not same or content["files"] != _written(folder):
            return None
        board = PrintedBoard(**content["board"])
        told = tuple(content["doubts"]), board, content["leaderboard"]
    except (TableError, OSError, KeyError, TypeError):
        return None
    return KeptReport(folder / "index.html", *told, again=False)


def keep_report(folder: Path, told: KeptReport, source: str, *, accept_changed: bool) -> None:
    """Record what the report in a folder was made from, so that it need not be made again.

    There is no record where something changed while the report was made.

    Args:
        folder: of the run.
        told: of its report.
        source: `made_from` before the report was begun.
        accept_changed: as the report was made.
    """
    path = cache_record(KIND, folder)
    if path is None or history_problem(folder):
        return
    if made_from(folder, accept_changed=accept_changed) != source:
        return
    content = {
        "made_from": source,
        "files": _written(folder),
        "board": asdict(told.board),
        "doubts": list(told.doubts),
        "leaderboard": told.leaderboard,
    }
    with suppress(OSError, OutputError):  # without a record it is made again
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(path, content)


def made_from(folder: Path, *, accept_changed: bool = False) -> str:
    """Digest of everything that the report of a folder depends on."""
    digest = hashlib.sha256(_made_by())
    path = folder / RUN
    run = read_sealed(path, accept_changed=accept_changed)[0] if path.is_file() else {}
    run.pop(TOLD_ANEW, None)
    told = [run, str(folder), accept_changed, style_in_effect()]
    digest.update(json.dumps(told, sort_keys=True).encode())
    for path in _read_files(folder):
        digest.update(json.dumps([path.relative_to(folder).as_posix(), file_hash(path)]).encode())
    return digest.hexdigest()


def _read_files(folder: Path) -> Iterator[Path]:
    """The files that a report is made from, apart from run.json."""
    tables = [f"{name}.parquet" for name in TABLES]
    names = [*tables, *(f"{AS_IS}/{name}" for name in (*tables, RUN)), *BESIDE, *BY_OTHERS]
    yield from sorted({folder / name for name in names if (folder / name).is_file()})
    yield from sorted(path for path in (folder / "gallery").glob("*") if path.is_file())


def _written(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of the report and of those beside it."""
    found = {path for pattern in MADE for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in sorted(found)}


@cache
def _made_by() -> bytes:
    """Digest of the code and recipes of mimbench, of a report's libraries, and of Python."""
    libraries = [platform.python_version(), *map(version, LIBRARIES)]
    digest = hashlib.sha256(json.dumps(libraries).encode())
    code = [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in CODE]
    for path in (*code, *sorted(shipped("baselines").glob("*.toml"))):
        digest.update(path.read_bytes())
    return digest.digest()


def _plain(value: Any) -> Any:
    """A value as JSON has it: NumPy's are Python's, what is missing is null."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and value != value else value
