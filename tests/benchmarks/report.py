"""Time and memory of the report of a run with two million scores.

    python tests/benchmarks/report.py

Prints the time of each stage (wall and processor), the peak memory, the size of the page and, where
Playwright and Chromium are installed, how long the page takes to answer a click. The aim: at most
60 s on 2 idle cores and 4 GB.
"""

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from synthetic_run import Category, Row, synthetic_tables, write_synthetic_run

from mimbench.report import write_report

CONDITIONS = tuple((f"corruption_{k:02d}", level) for k in range(19) for level in range(1, 6))
CATEGORIES = (
    Category("mpox", "target", "clinic-a", 120, 2, 0.0),
    Category("chickenpox", "known", "clinic-a", 100, 2, 0.8),
    Category("measles", "known", "clinic-a", 80, 2, 1.0),
    *(Category(f"unknown-{k}", "unknown", "atlas", 30, 1, 1 + k / 20) for k in range(18)),
    Category("receipt", "abnormal", "web", 100, 1, 4.0),
    Category("landscape", "abnormal", "web", 100, 1, 3.0),
)
ROWS = tuple(
    Row(f"detector-{k}", f"detector-{k}", "plug-in", k > 7, k / 5, k / 25) for k in range(10)
)


class Clock:
    """Prints each stage as it ends."""

    def __init__(self) -> None:
        self.wall, self.busy, self.note = time.perf_counter(), time.process_time(), "reading"

    def stage(self, title: str, total: float) -> None:
        """One stage: the report."""

    def message(self, text: str) -> None:
        """Nothing is said here."""

    def update(self, done: float, note: str = "", left: float | None = None) -> None:
        """A part begins, so the one before has ended."""
        wall, busy = time.perf_counter(), time.process_time()
        print(f"{self.note:26}{wall - self.wall:7.1f} s wall {busy - self.busy:7.1f} s processor")
        self.wall, self.busy, self.note = wall, busy, note


def click(page: Path) -> None:
    """Time from a change of the group to the redrawn curves."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return
    chromium = shutil.which("chromium")
    if chromium is None:
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(page.as_uri())
        milliseconds = opened.evaluate(
            """() => {
              const select = document.querySelector('[name="group"]');
              const start = performance.now();
              select.selectedIndex = (select.selectedIndex + 1) % select.length;
              select.dispatchEvent(new Event("change", { bubbles: true }));
              return performance.now() - start;
            }"""
        )
        print(f"change of the group: {milliseconds:.0f} ms")
        browser.close()


def main() -> None:
    """Make the run, report it, print."""
    tables = synthetic_tables(CATEGORIES, ROWS, CONDITIONS)
    print(f"{len(tables.scores):,} scores")
    with tempfile.TemporaryDirectory() as folder:
        run = write_synthetic_run(Path(folder) / "run", tables)
        clock, start, busy = Clock(), time.perf_counter(), time.process_time()
        report = write_report(run, progress=clock)
        clock.update(1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        wall, busy = time.perf_counter() - start, time.process_time() - busy
        print(f"in all {wall:.0f} s wall, {busy:.0f} s processor, peak {peak:.1f} GB")
        print(f"page: {report.page.stat().st_size / 1e6:.1f} MB")
        click(report.page)


if __name__ == "__main__":
    main()
