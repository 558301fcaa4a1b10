"""What a run of many small images costs: memory of each process, files, and time by part.

    python tests/benchmarks/many_images.py 1000 3000 --jobs 2

Makes small PNG files, runs five cheap rows under 20 corrupted conditions and clean, then runs the
same again with nothing to compute, and writes the report again. Prints one line for each number of
images, and how much longer an image takes in the largest than in the smallest. The aim for 100,000
images on 2 idle cores: at most 4 GB in each process, 2,000 files, 5 minutes of report, 10 s for the
second run, and growth that is linear within 20 %.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from mimbench.runfolder.history import read_attempts

CATEGORIES = ("mpox", "chickenpox", "cowpox", "measles", "healthy")
PER_PATIENT = 2
RUN = """
name = "many"
suites = ["{suite}"]
detectors = [
  {{ extends = "complexity", scores = ["rough", "large", "flat"], input_size = {size} }},
  {{ extends = "histogram", input_size = {size} }},
  {{ extends = "harmonic", scores = ["rough"], input_size = {size} }},
]

[data]
data = ["{data}"]
unknown_categories = ["healthy"]
canonical_size = {size}
"""
SUITE = """
name = "many"
description = "Four corruptions that cost little, at every severity."
severities = [1, 2, 3, 4, 5]
corruptions = ["brightness", "contrast", "saturate", "pixelate"]
"""


@dataclass
class Measured:
    """What a command took.

    Attributes:
        seconds: wall time.
        processor: time of all its processes, seconds.
        peaks: MB of each process that computed, the largest first.
    """

    seconds: float = 0.0
    processor: float = 0.0
    peaks: list[int] = field(default_factory=list)


def make_images(folder: Path, count: int, size: int) -> None:
    """Soft random pictures, whose tint depends on the category."""
    generator = np.random.default_rng(0)
    for number in range(count):
        kind = number % len(CATEGORIES)
        place = folder / CATEGORIES[kind]
        place.mkdir(parents=True, exist_ok=True)
        coarse = generator.integers(60, 200, (size // 4, size // 4, 3))
        coarse[..., 0] += 8 * kind
        picture = Image.fromarray(coarse.astype(np.uint8)).resize((size, size), 2)
        patient = number // (len(CATEGORIES) * PER_PATIENT)
        picture.save(place / f"P{patient:06d}_{number:06d}.png", compress_level=1)


def watch(process: subprocess.Popen[bytes], found: dict[int, tuple[int, float]]) -> None:
    """Note the peak memory (MB) and the processor time (s) of each process of the command."""
    while process.poll() is None:
        try:
            root = psutil.Process(process.pid)
            for one in (root, *root.children(recursive=True)):
                status = Path(f"/proc/{one.pid}/status").read_text("ascii")
                peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                used = one.cpu_times()
                found[one.pid] = int(peak.split()[1]) // 1024, used.user + used.system
        except (psutil.Error, OSError, StopIteration):
            pass
        time.sleep(0.1)


def command(*arguments: object) -> Measured:
    """Run mimbench and watch it."""
    measured, found = Measured(), dict[int, tuple[int, float]]()
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "mimbench", *map(str, arguments)], stdout=subprocess.DEVNULL
    ) as process:
        watcher = threading.Thread(target=watch, args=(process, found))
        watcher.start()
        code = process.wait()
        watcher.join()
    if code:
        raise SystemExit(f"mimbench {arguments[0]} ended with {code}")
    measured.seconds = time.perf_counter() - started
    measured.processor = sum(used for _, used in found.values())
    measured.peaks = sorted((peak for peak, _ in found.values() if peak > 50), reverse=True)
    return measured


def measure(place: Path, count: int, size: int, jobs: int) -> float:
    """Print what a run of so many images takes; returns the processor time of the first run."""
    make_images(place / "images", count, size)
    (place / "many.toml").write_text(SUITE, "utf-8")
    text = RUN.format(suite=place / "many.toml", data=place / "images", size=size)
    (place / "run.toml").write_text(text, "utf-8")
    out = place / "run"
    run = ("run", place / "run.toml", "--out", out, "--jobs", jobs, "--quiet")
    time.sleep(3)  # the second run would read again what had just changed before the first
    first, second = command(*run), command(*run)
    report = command("report", out)
    files = sum(path.is_file() for path in out.rglob("*"))
    size_of_all = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{count} images of {size} px, {jobs} processes")
    for name, one in (("first run", first), ("second run", second), ("report alone", report)):
        print(
            f"  {name:14}{one.seconds:8.1f} s wall{one.processor:8.1f} s processor"
            f"   peaks {one.peaks} MB"
        )
    costs = read_attempts(out)[0].costs
    parts = {name: one["seconds"] for name, one in costs.items()}
    print("  parts of the first run, s wall:", parts)
    print(f"  files {files}, {size_of_all / 1e6:.0f} MB", flush=True)
    return first.processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="+", type=int)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="Folder to work in; kept afterwards.")
    given = parser.parse_args()
    took = {}
    for count in sorted(given.counts):
        place = Path(tempfile.mkdtemp()) if given.keep is None else given.keep / str(count)
        place.mkdir(parents=True, exist_ok=True)
        try:
            took[count] = measure(place, count, given.size, given.jobs)
        finally:
            if given.keep is None:
                shutil.rmtree(place)
    least, most = min(took), max(took)
    if most > least:
        ratio = took[most] / most / (took[least] / least)
        print(f"processor time per image, {most} against {least}: {ratio:.2f}")


if __name__ == "__main__":
    main()
