"""Memory and time of a score table of millions of scores, from its file to the largest tables.

    python tests/benchmarks/score_table.py 20000 100000

Five rows, 20 corrupted conditions and clean, for each number of images. The table is made and
written by a process of its own, so that the printed peak is of what a report does with it.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from mimbench.scores.coding import categories
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import FIT_COLUMNS, RunTables
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.tables.metrics import metrics_table
from mimbench.statistics.tables.operating import operating_table
from mimbench.statistics.tables.robustness import robustness_table

ROWS = 5
CORRUPTIONS, SEVERITIES = 4, 5
CORRUPTED = [(f"c{k}", level + 1) for k in range(CORRUPTIONS) for level in range(SEVERITIES)]
CONDITIONS = [("clean", 0), *CORRUPTED]
CATEGORIES = np.array(["mpox", "measles", "cowpox", "acne", "eczema"])
PER_PATIENT = 10

Made = TypeVar("Made")


def write_table(folder: Path, count: int) -> None:
    """Write the tables of a run with so many images."""
    generator = np.random.default_rng(0)
    names = [f"{number:064x}" for number in range(count)]
    kind = np.arange(count) % len(CATEGORIES)
    images = pd.DataFrame(
        {
            "image_id": names,
            "dataset": "d",
            "path": "",
            "category": CATEGORIES[kind],
            "role": np.where(kind == 0, "target", "known"),
            "patient": [f"p{number // PER_PATIENT}" for number in range(count)],
            "source": "s",
            "split_0": "test",
        }
    )
    fits = pd.DataFrame([_fit(row) for row in range(ROWS)])[list(FIT_COLUMNS)].astype(FIT_COLUMNS)
    per_row = count * len(CONDITIONS)
    corruptions = categories([name for name, _ in CONDITIONS] * ROWS)
    severities = np.array([level for _, level in CONDITIONS] * ROWS, dtype=np.int8)
    scores = pd.DataFrame(
        {
            "fit_id": categories(fits["fit_id"]).repeat(per_row),
            "score": categories(fits["detector"]).repeat(per_row),
            "corruption": corruptions.repeat(count),
            "severity": severities.repeat(count),
            "image_id": categories(names).take(np.tile(np.arange(count), len(severities))),
            "value": generator.normal(np.tile(kind / 4, len(severities))),
        }
    )
    RunTables(scores, fits, images).write(folder)


def _fit(row: int) -> dict[str, object]:
    text = {"fitted_on": "mpox", "withheld": "", "study": "", "family": "one-class"}
    more = {"fold": 0, "seed": 0, "control": False, "input_size": 32, "seconds": 1.0}
    said = {"status": "ok", "reason": "", "recipe_hash": "r", "versions": "{}"}
    own = {"fit_id": f"{row:016x}", "detector": f"row-{row}", "state_hash": f"{row:064x}"}
    return {**text, **more, **said, **own}


def timed(what: str, use: Callable[[], Made]) -> Made:
    """What `use` makes; prints its processor time and the peak memory so far."""
    started = time.process_time()
    made = use()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  {what:24}{time.process_time() - started:8.1f} s processor   peak {peak:6.0f} MB",
        flush=True,
    )
    return made


def measure(count: int) -> None:
    """Print what a table with so many images takes."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        writer = get_context("spawn").Process(target=write_table, args=(folder, count))
        writer.start()
        writer.join()
        size = (folder / "scores.parquet").stat().st_size / 1e6
        print(f"{count} images, {count * len(CONDITIONS) * ROWS} scores, file of {size:.0f} MB")
        tables = timed("read", lambda: read_tables(folder))
        timed("arrays of one row", lambda: Layout(tables).values(Layout(tables).rows[0]))
        timed("metrics and intervals", lambda: metrics_table(tables))
        timed("robustness", lambda: robustness_table(tables))
        timed("frozen thresholds", lambda: operating_table(tables))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="+", type=int)
    for count in sorted(parser.parse_args().counts):
        measure(count)


if __name__ == "__main__":
    main()
