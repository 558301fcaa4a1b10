"""Run a small plan in children that are killed at random moments, until one of them gets through.

Called as `python killing.py DATA RECIPE OUT KILLS SEED`; prints how many children were killed.
Children are forked from a process that has imported everything and computed nothing, so that a
kill costs no start-up.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from mimbench.data.dataset import ImageOptions
from mimbench.evaluation.planning.plan import RunFile, make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent


def child(data: str, recipe: str, out: str) -> int:
    """Run the plan in a forked process; return its process id."""
    process = os.fork()
    if process:
        return process
    torch.set_num_threads(1)
    images = ImageOptions(data=(data,), canonical_size=32)
    run = RunFile(detectors=(recipe, "histogram", "harmonic"), suites=("quick",), data=images)
    result = execute(make_plan(run), Path(out), Silent())
    os._exit(1 if result.failures else 0)


def main(data: str, recipe: str, out: str, kills: int, seed: int) -> int:
    """Kill `kills` children at random moments, then let one finish."""
    moment = random.Random(seed)
    killed = 0
    while killed < kills:
        process = child(data, recipe, out)
        time.sleep(moment.uniform(0.05, 3.0))
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            if status:
                return 1
            # it got through: what comes next starts from a finished run, half of it removed
            for number, path in enumerate(sorted(Path(out).rglob("blocks/*/*.parquet"))):
                if number % 2:
                    path.unlink()
            continue
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        killed += 1
    _, status = os.waitpid(child(data, recipe, out), 0)
    print(f"{killed} killed")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    data, recipe, out, kills, seed = sys.argv[1:]
    sys.exit(main(data, recipe, out, int(kills), int(seed)))
