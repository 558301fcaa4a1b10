"""A second process beside the one that makes a report; it measures some of the rows.

What measures a row is mostly Python code, which the threads of one process cannot run at the same
time.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from mimbench.scores.tables import RunTables
    from mimbench.statistics.run.layout import Layout
    from mimbench.statistics.run.questions import Row

__all__ = ["SecondProcess", "of_rows", "second_process", "serve"]

# Scores of a run: with fewer it is not worth its start, with more it takes too much memory.
FEWEST, MOST = 100_000, 2_000_000
# Share of the rows that are measured here: the other one begins by importing what this one has.
HERE = {"metrics": 0.6, "robustness": 0.5}


class SecondProcess:
    """The process; it reads the run itself, and is asked for tables in turn."""

    def __init__(self, folder: Path, *, accept_changed: bool = False) -> None:
        """Start it.

        Args:
            folder: of a run.
            accept_changed: as the report is made.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=serve, args=(other, folder.absolute(), accept_changed), daemon=True
        )
        self._process.start()
        other.close()

    def ask(self, table: str, **options: Any) -> None:
        """Let it begin with a table of `_tables`."""
        with suppress(OSError):  # it ended; then there is no answer
            self._pipe.send((table, options))

    def answer(self) -> "pd.DataFrame | None":
        """Wait for the table that it was asked for first; None if it ended before."""
        try:
            found: pd.DataFrame = self._pipe.recv()
        except (EOFError, OSError):
            return None
        return found

    def end(self) -> None:
        """End it, whatever it is at."""
        if not self._pipe.closed:
            self._pipe.close()
            self._process.kill()
            self._process.join()


@contextmanager
def second_process(folder: Path, *, accept_changed: bool = False) -> Iterator[SecondProcess | None]:
    """The second process for a run's report; None where it would not be worth it.

    Args:
        folder: of the run.
        accept_changed: as the report is made.
    """
    found = SecondProcess(folder, accept_changed=accept_changed) if _worth_it(folder) else None
    try:
        yield found
    finally:
        if found is not None:
            found.end()


def of_rows(
    second: SecondProcess | None,
    table: str,
    tables: "RunTables",
    layout: "Layout",
    *,
    here: dict[str, Any] | None = None,
    **options: Any,
) -> "pd.DataFrame":
    """A table of all rows, some of them measured by the second process.

    Args:
        second: the process; None: all rows are measured here.
        table: "metrics" or "robustness".
        tables: of the run.
        layout: of the tables.
        here: options for this process alone.
        options: for both.
    """
    from mimbench.statistics.tables.texts import joined

    compute = _tables()[table]
    own, others = _divided(layout.rows, HERE[table])
    if second is None or not others:
        return compute(tables, layout=layout, **options, **(here or {}))
    if table == "metrics":
        options["threads"] = 1
    second.ask(table, rows=others, **options)
    first = compute(tables, layout=layout, rows=own, **options, **(here or {}))
    further = second.answer()
    if further is None:
        further = compute(tables, layout=layout, rows=others, **options)
    return joined([first, further])


def _divided(rows: "Sequence[Row]", share: float) -> tuple[list[str], list[str]]:
    """Names of the first rows and of the others; rows without numbers cost nothing."""
    names = [row.score for row in rows]
    measured = [k for k, row in enumerate(rows) if not row.reason]
    cut = measured[round(share * len(measured))] if len(measured) > 1 else len(rows)
    return names[:cut], names[cut:]


def serve(pipe: Connection, folder: Path, accept_changed: bool) -> None:
    """Answer with tables, one after another. Whatever fails, fails again where it was asked."""
    from mimbench.runfolder.reading import read_run
    from mimbench.statistics.run.layout import Layout

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that asks is interrupted, and ends it
    with suppress(Exception):
        tables = read_run(folder, accept_changed=accept_changed).tables
        layout, known = Layout(tables), _tables()
        while True:
            table, options = pipe.recv()
            more = {} if table == "class_signal" else {"layout": layout}
            pipe.send(known[table](tables, **more, **options))


def _tables() -> dict[str, "Callable[..., pd.DataFrame]"]:
    from mimbench.statistics.tables.class_signal import class_signal_table
    from mimbench.statistics.tables.metrics import metrics_table
    from mimbench.statistics.tables.robustness import robustness_table

    return {
        "metrics": metrics_table,
        "robustness": robustness_table,
        "class_signal": class_signal_table,
    }


def _worth_it(folder: Path) -> bool:
    """Whether the run has as many scores as make it worth it, and this machine two processors."""
    import pyarrow.parquet as pq

    try:
        scores = pq.read_metadata(folder / "scores.parquet").num_rows
    except (OSError, ValueError):  # the report will say it
        return False
    return FEWEST <= scores <= MOST and _processors() > 1


def _processors() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
