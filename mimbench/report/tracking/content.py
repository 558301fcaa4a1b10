"""What a tracker is given of a run, the same for each of them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimbench.report.build import Report
from mimbench.report.leaderboard.formats import leaderboard_frame

__all__ = ["Tracked", "tracked"]

NOT_IN_NAMES = re.compile(r"[^\w./ -]")  # what a tracker may refuse in the name of a number
DESCRIBED = ("name", "target", "canonical_size", "corruption_size", "date", "command")
FILES = ("index.html", "leaderboard.csv", "leaderboard.md", "verdicts.json", "run.json")


@dataclass(frozen=True)
class Tracked:
    """A run as a tracker sees it.

    Attributes:
        name: of the run.
        parameters: the resolved run file, versions and recipes, by dotted name.
        metrics: `<score>/<role>_<relation>/<column>` as in leaderboard.csv, with `_low` and `_high`
            for the ends of a 95 % interval. Numbers that cannot be had are left out.
        figures: PNG files.
        files: the page, the leaderboard, the verdicts and the record of the run.
        doubts: why the run's files may not be what it wrote, one sentence each.
    """

    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    figures: tuple[Path, ...]
    files: tuple[Path, ...]
    doubts: tuple[str, ...]


def tracked(report: Report) -> Tracked:
    """What a tracker is given of a report that was just written."""
    folder = report.folder
    return Tracked(
        name=report.run.name,
        parameters=dict(_parameters(report)),
        metrics=dict(_metrics(report)),
        figures=tuple(sorted((folder / "figures").glob("*.png"))),
        files=tuple(folder / name for name in FILES if (folder / name).is_file()),
        doubts=report.run.doubts,
    )


def _parameters(report: Report) -> Iterator[tuple[str, str]]:
    info = report.run.info
    for name in DESCRIBED:
        yield from _flat(name, getattr(info, name))
    yield from _flat("run", info.run.as_json())
    yield from _flat("environment", info.environment)
    for detector in info.detectors:
        for name, value in detector.model_dump(mode="json", exclude_unset=True).items():
            yield from _flat(f"detector.{detector.name}.{name}", value)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Values with dotted names; a list is one value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif value not in (None, "", [], ()):
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        yield NOT_IN_NAMES.sub("_", name), text


def _metrics(report: Report) -> Iterator[tuple[str, float]]:
    for record in leaderboard_frame(report.board).to_dict("records"):
        for column, value in record.items():
            group, colon, measure = str(column).partition(":")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if colon and number and math.isfinite(value):
                yield NOT_IN_NAMES.sub("_", f"{record['row']}/{group}/{measure}"), float(value)
