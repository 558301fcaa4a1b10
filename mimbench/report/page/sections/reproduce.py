"""How to reproduce the run, and what it cost, attempt by attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimbench.report.page.sections.section import Page, Section
from mimbench.runfolder.history import Attempt, Tally, duration
from mimbench.text import counted

__all__ = ["SECTIONS", "CostLine", "cost_lines"]


@dataclass(frozen=True)
class CostLine:
    """One attempt of the run.

    Attributes:
        started: date and time, UTC.
        cells: time and peak memory of each stage, "" where it did not come so far.
        done: what it computed and what it found in the store.
        state: "finished", or that it was interrupted.
    """

    started: str
    cells: tuple[str, ...]
    done: str
    state: str


def cost_lines(attempts: Sequence[Attempt]) -> tuple[tuple[str, ...], tuple[CostLine, ...]]:
    """Names of the stages in their order, and a line for every attempt, oldest first."""
    stages = tuple(dict.fromkeys(stage for attempt in attempts for stage in attempt.costs))
    lines = [
        CostLine(
            started=attempt.started.replace("T", " ").removesuffix("+00:00"),
            cells=tuple(_cell(attempt.costs.get(stage, {})) for stage in stages),
            done=f"{_done(attempt.fits, 'trained models')}; {_done(attempt.blocks, 'blocks')}",
            state=_state(attempt),
        )
        for attempt in attempts
    ]
    return stages, tuple(lines)


def _cell(cost: Mapping[str, float]) -> str:
    if not cost:
        return ""
    parts = [duration(cost["seconds"])] if "seconds" in cost else []
    for name, of_whom in (
        ("peak_memory", ""),
        ("peak_worker_memory", " in a worker"),
        ("peak_gpu_memory", " on the GPU"),
    ):
        if name in cost:
            parts.append(f"{cost[name] / 1e9:.2f} GB{of_whom}")
    return ", ".join(parts)


def _done(tally: Tally, what: str) -> str:
    return f"{tally.computed} {what} computed, {tally.found} found"


def _state(attempt: Attempt) -> str:
    if not attempt.finished:
        return f"interrupted after {attempt.ended.replace('T', ' ').removesuffix('+00:00')}"
    failed = f", {counted(attempt.failed_rows, 'failed row')}" if attempt.failed_rows else ""
    return f"finished{failed}"


def _data(page: Page) -> dict[str, Any]:
    stages, costs = cost_lines(page.run.attempts)
    return {
        "stages": stages,
        "costs": costs,
        "metrics": not page.results.metrics.empty,
        "latex": bool(page.results.board.groups),  # else there is nothing for such a table
        "fits": page.run.tables.fits.to_dict("records"),
    }


SECTIONS = (
    Section(
        id="reproduce",
        title="How to reproduce",
        nav="Reproduce",
        order=200,
        data=_data,
        template="reproduce.html.j2",
    ),
)
