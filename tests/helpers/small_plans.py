"""Plans on the small images, and their runs."""

from pathlib import Path
from typing import Any

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables


def planned(
    folders: dict[str, Path], detectors: list[Any], known: tuple[str, ...] = (), **options: Any
) -> Plan:
    images = ImageOptions(
        data=(str(folders["data"]),),
        unknown=(str(folders["unknown"]),),
        abnormal=(str(folders["abnormal"]),),
        canonical_size=32,
        known=known or None,
    )
    return make_plan(RunFile(detectors=tuple(detectors), data=images, **options))


def executed(plan: Plan, out: Path) -> RunTables:
    execute(plan, out, Silent())
    return read_tables(out)
