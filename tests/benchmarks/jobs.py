"""What worker processes cost and bring: `python tests/benchmarks/jobs.py`.

Every unit of work does the same number of hashes, about SECONDS of one processor. Printed are wall
time, which other work on the machine lengthens, and processor time, which it hardly changes. The
engine's overhead is processor time outside the units, imports, reading and audit of images
left out.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from small_images import write_category

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.execution import worker_pool
from mimbench.evaluation.execution.worker_pool import Jobs
from mimbench.evaluation.execution.worker_process import WorkerProcess, warm_up
from mimbench.evaluation.planning.plan import Plan, RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent

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
        start = time.process_time()
        for _ in range(self.hashes):
            hashlib.sha256(BLOCK).digest()
        with SPENT.open("a") as file:
            file.write(f"{time.process_time() - start}\\n")

    def fit(self, train):
        self.work()

    def score(self, batch):
        self.work()
        return torch.arange(len(batch)).float()
"""

finished = 0.0  # processor time of worker processes that have ended, seconds


class Counted(WorkerProcess):
    """Adds up what a worker took before it ends."""

    def terminate(self) -> str:
        global finished
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        finished += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return super().terminate()


def planned(folder: Path, seconds: float, seeds: int) -> Plan:
    """A plan of `seeds` fits, which score under 13 conditions; each takes about `seconds`."""
    for number, name in enumerate(("mpox", "measles")):
        write_category(folder / "data" / name, 90 + 50 * number, 9, number)
    (folder / "busy.py").write_text(PLUGIN)
    scope: dict[str, object] = {"__file__": str(folder / "busy.py")}
    exec(PLUGIN, scope)
    start = time.process_time()
    scope["Busy"](100).work()  # type: ignore[operator]
    hashes = round(100 * seconds / (time.process_time() - start))
    recipe = folder / "busy.toml"
    recipe.write_text(
        f'name = "busy"\ndetector = "{folder / "busy.py"}:Busy"\n[parameters]\nhashes = {hashes}\n'
    )
    images = ImageOptions(data=(str(folder / "data"),), canonical_size=32)
    return make_plan(RunFile(detectors=(str(recipe),), suites=("quick",), seeds=seeds, data=images))


def measure(plan: Plan, folder: Path, jobs: Jobs | None) -> tuple[float, float, float]:
    """Wall time, processor time, and processor time within units of one run, seconds."""
    global finished
    spent = folder / "spent"
    spent.unlink(missing_ok=True)
    finished = 0.0
    name = "alone" if jobs is None else str(jobs.count)
    shutil.copytree(folder / "warm" / "audit", folder / name / "audit")  # the same images
    wall, processor = time.perf_counter(), time.process_time()
    result = execute(plan, folder / name, Silent(), jobs=jobs)
    assert result.failures == ()
    wall = time.perf_counter() - wall
    processor = time.process_time() - processor + finished
    return wall, processor, sum(map(float, spent.read_text().split()))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a unit of work")
    parser.add_argument("--fits", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    worker_pool.WorkerProcess = Counted  # type: ignore[misc]
    warm_up()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = planned(folder, options.seconds, options.fits)
        warm = RunFile(detectors=("histogram",), data=plan.run.data)
        execute(make_plan(warm), folder / "warm", Silent(), jobs=Jobs(1))
        print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
        print("processes    wall s  processor s  in units s  overhead")
        walls = {}
        for jobs in (None, Jobs(1), Jobs(2)):
            wall, processor, units = measure(plan, folder, jobs)
            count = 0 if jobs is None else jobs.count
            walls[count] = wall
            share = (processor - units) / units
            print(f"{count:9} {wall:9.1f} {processor:12.1f} {units:11.1f} {share:9.1%}")
        print(f"1 -> 2 processes: {walls[1] / walls[2]:.2f} times as fast by the wall clock")


if __name__ == "__main__":
    main()
