"""What worker processes bring and cost, in the worker pool and on Dask.

    python tests/benchmarks/executors.py

Runs `mimbench run` on two suites and prints two tables for results/scaling.md:

- *busy*: each unit of work hashes for about SECONDS; UNITS of them take three minutes of one
  processor. It shows the speed-up from one process to two, and the overhead beside the units.
- *mim*: trains and scores MIM. It shows one process with one or two threads, and two with one.

Fixed costs, which more processes do not shorten, stand in columns of their own: the start (imports,
reading images, the cluster) with the tables, the audit of the images, and the report.

Other work on the machine makes a speed-up worthless, so beside each run stands how many processors
other work used, and the speed-up only if that is none. The overhead is that of the stages that fit
and score: processes times their wall time, minus the wall time within units. Other work lengthens
both, and hardly changes the processor time outside units. Needs Linux, where /proc tells the
processor time of every process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from small_images import write_category

TICKS = os.sysconf("SC_CLK_TCK")
LOOK_EVERY = 0.2  # seconds between two looks at /proc
CONDITIONS = 13  # of suite quick, the clean images included
IDLE = 0.05  # processors that other work may use while a speed-up is measured

PLUGIN = """
import hashlib
import time
from pathlib import Path

import torch

from mimbench import Detector

SPENT = Path(__file__).with_name("spent")
BLOCK = bytes(2**20)


class Busy(Detector):
    trains_on = "target"

    def __init__(self, hashes=1):
        self.hashes = hashes

    def work(self):
        wall, busy = time.perf_counter(), time.process_time()
        for _ in range(self.hashes):
            hashlib.sha256(BLOCK).digest()
        with SPENT.open("a") as file:
            file.write(f"{time.perf_counter() - wall} {time.process_time() - busy}\\n")

    def fit(self, train):
        self.work()

    def score(self, batch):
        self.work()
        return torch.arange(len(batch)).float()
"""

MIM = """
extends = "mim"
scores = ["l1", "contrast", "residual"]
parameters = { steps = 60 }
"""


@dataclass(frozen=True)
class Setting:
    """Where a run computes: options of `mimbench run`, number of processes, threads of each."""

    options: tuple[str, ...]
    processes: int
    threads: int

    def __str__(self) -> str:
        threads = f", {self.threads} threads each" if self.threads > 1 else ""
        return f"{' '.join(self.options)}{threads}"


def jobs(processes: int, threads: int = 1) -> Setting:
    return Setting(("--jobs", str(processes)), processes, threads)


def dask(processes: int) -> Setting:
    return Setting(("--dask", f"local:{processes}"), processes, 1)


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        wall: of the command, seconds.
        costs: wall time of its stages, seconds.
        within: wall time within units, summed over processes, seconds.
        outside: processor time of all its processes outside units, seconds.
        others: processors that other work used meanwhile.
    """

    wall: float
    costs: Mapping[str, float]
    within: float
    outside: float
    others: float

    @property
    def work(self) -> float:
        """Wall time of the stages that fit and score, seconds."""
        return self.costs["fit"] + self.costs["score"]

    @property
    def start(self) -> float:
        """Wall time of what is no stage, seconds."""
        return self.wall - sum(self.costs.values())

    def overhead(self, processes: int) -> float:
        """Time of processes outside units, as a share of that within them."""
        return processes * self.work / self.within - 1


def processor_times() -> Iterator[tuple[int, int, float]]:
    """Id, session and processor time in seconds of each process of this machine."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        yield int(place.parent.name), int(fields[3]), (int(fields[11]) + int(fields[12])) / TICKS


def machine_time() -> float:
    """Processor time of everything that this machine did, seconds."""
    user, nice, system, _, _, irq, soft, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + soft) / TICKS


def measure(run_file: Path, folder: Path, setting: Setting) -> Measured:
    """Run it once, in a new folder."""
    spent, out = run_file.with_name("spent"), folder / "-".join(setting.options)
    spent.unlink(missing_ok=True)
    out = out.with_name(f"{run_file.stem}{out.name}-{setting.threads}")
    command = [sys.executable, "-m", "mimbench", "run", str(run_file), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(setting.processes * setting.threads)}
    machine, began = machine_time(), time.perf_counter()
    process = subprocess.Popen(
        [*command, *setting.options, "--quiet"],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    ours: dict[int, float] = {}
    while process.poll() is None:
        ours |= {who: spent for who, session, spent in processor_times() if session == process.pid}
        time.sleep(LOOK_EVERY)
    wall = time.perf_counter() - began
    assert process.returncode == 0, f"{' '.join(command)} ended with {process.returncode}"
    processor = sum(ours.values())
    others = (machine_time() - machine - processor) / wall
    costs = json.loads((out / "starts.json").read_text())["starts"][-1]["costs"]
    stages = {stage: float(cost["seconds"]) for stage, cost in costs.items()}
    units = spent.read_text().splitlines() if spent.exists() else []
    within, busy = (sum(float(unit.split()[part]) for unit in units) for part in (0, 1))
    return Measured(wall, stages, within, processor - busy, max(others, 0.0))


def busy(folder: Path, seconds: float, units: int) -> Path:
    """A run file of fits that hash, each once and then under each condition."""
    plugin = folder / "busy.py"
    plugin.write_text(PLUGIN)
    scope: dict[str, object] = {"__file__": str(plugin)}
    exec(PLUGIN, scope)
    start = time.process_time()
    scope["Busy"](300).work()  # type: ignore[operator]
    hashes = round(300 * seconds / (time.process_time() - start))
    recipe = folder / "busy.toml"
    recipe.write_text(
        f'name = "busy"\ndetector = "{plugin}:Busy"\n[parameters]\nhashes = {hashes}\n'
    )
    return written(folder, "run-busy", recipe, round(units / (1 + CONDITIONS)))


def mim(folder: Path, seeds: int) -> Path:
    """A run file that trains MIM."""
    recipe = folder / "short-mim.toml"
    recipe.write_text(MIM)
    return written(folder, "run-mim", recipe, seeds)


def written(folder: Path, name: str, recipe: Path, seeds: int) -> Path:
    """A run file of a recipe with so many seeds on the small images."""
    path = folder / f"{name}.toml"
    path.write_text(
        f'detectors = ["{recipe}"]\nsuites = ["quick"]\nseeds = {max(seeds, 1)}\n'
        f'[data]\ndata = ["{folder / "data"}"]\ncanonical_size = 64\n'
    )
    return path


def compare(title: str, run_file: Path, folder: Path, settings: list[Setting]) -> None:
    """Run all settings and print a table; the first of each kind is what others are compared to."""
    print(f"\n{title}\n")
    columns = ("setting", "wall s", "start s", "audit s", "fit and score s", "report s", "faster")
    columns += ("overhead", "processor s outside units", "others")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    first: dict[str, Measured] = {}
    for setting in settings:
        found = measure(run_file, folder, setting)
        base = first.setdefault(setting.options[0], found)
        quiet = max(found.others, base.others) <= IDLE
        seconds = (found.wall, found.start, found.costs["audit"], found.work, found.costs["report"])
        cells = [f"`{setting}`", *(f"{each:.1f}" for each in seconds)]
        cells.append(f"{base.work / found.work:.2f} x" if quiet else "not measured: other work")
        cells.append(f"{found.overhead(setting.processes):.1%}" if found.within else "")
        cells += [f"{found.outside:.1f}", f"{found.others:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of a unit of work")
    parser.add_argument("--units", type=int, default=182, help="of work, in suite busy")
    parser.add_argument("--seeds", type=int, default=6, help="of MIM")
    parser.add_argument("--only", choices=("busy", "mim"), help="one of the two suites")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, category in enumerate(("mpox", "measles")):
            write_category(folder / "data" / category, 90 + 50 * number, 9, number)
        if options.only != "mim":
            run_file = busy(folder, options.seconds, options.units)
            settings = [jobs(1), jobs(2), dask(1), dask(2)]
            compare(f"busy: units of {options.seconds:g} s", run_file, folder, settings)
        if options.only != "busy":
            run_file = mim(folder, options.seeds)
            compare("mim", run_file, folder, [jobs(1), jobs(1, 2), jobs(2)])


if __name__ == "__main__":
    main()
