"""Do a run on a Dask cluster: `python dask_driver.py RUN.toml OUT ADDRESS [transfer]`."""

import sys
from pathlib import Path

from mimbench.evaluation.execution.dask_cluster.cluster import DaskCluster
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.plan import make_plan
from mimbench.evaluation.runner import execute
from mimbench.progress import Silent


class _Printed(Silent):
    def stage(self, title: str, total: float) -> None:
        print(title, flush=True)

    def message(self, text: str) -> None:
        print(text, flush=True)


def main(run_file: str, out: str, address: str, *how: str) -> int:
    """Exit code 0: no row failed."""
    with DaskCluster(address, transfer="transfer" in how) as cluster:
        plan = make_plan(resolve_run(run_file, {}))
        return len(execute(plan, Path(out), _Printed(), jobs=cluster).failures)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
