"""A Dask cluster of three hosts, each of them a network namespace of this machine.

One worker is killed while it trains, with all its processes; the other is cut off from the network
for ten seconds. The tables have the bits of an undisturbed run in one process.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from executors import OPTIONS, Folders, same, trained, work
from misbehaving import MISBEHAVING

from mimbench.evaluation.execution.executor import threads_set_to
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

HELPERS = Path(__file__).parent.parent / "helpers"
HOSTS = ("mimbench-s", "mimbench-a", "mimbench-b")  # scheduler and driver; two workers
ADDRESS = "tcp://10.77.0.1:8786"
CUT_OFF = 10.0  # seconds
PATIENCE = 600.0  # seconds; much more than it takes


def _why_not() -> str:
    """Why there can be no network namespaces here; empty: there can."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs Linux, root and the command ip (iproute2)"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True)
    return "this container may not make namespaces" if tried.returncode else ""


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "-")]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture
def network() -> Iterator[None]:
    """Three hosts on one switch, which stands with the scheduler: 10.77.0.1, .2 and .3."""
    for host in HOSTS:
        subprocess.run(["ip", "netns", "del", host], capture_output=True)
        ip("netns", "add", host)
        ip("-n", host, "link", "set", "lo", "up")
    scheduler, *workers = HOSTS
    ip("-n", scheduler, "link", "add", "switch", "type", "bridge")
    ip("-n", scheduler, "addr", "add", "10.77.0.1/24", "dev", "switch")
    ip("-n", scheduler, "link", "set", "switch", "up")
    for number, host in enumerate(workers, 2):
        ends = ("type", "veth", "peer", "name", "eth", "netns", host)
        ip("-n", scheduler, "link", "add", host, *ends)
        ip("-n", scheduler, "link", "set", host, "master", "switch", "up")
        ip("-n", host, "addr", "add", f"10.77.0.{number}/24", "dev", "eth")
        ip("-n", host, "link", "set", "eth", "up")
    yield
    for host in HOSTS:
        ip("netns", "del", host)


class Hosts:
    """Processes on the three hosts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, host: str, *command: str, hide: Path | None = None) -> None:
        """Start a command on a host; `hide`: a folder that is another one there, an empty one."""
        mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"']
        hidden = [*mount, str(hide)] if hide else []
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", host, *hidden, sys.executable, *command],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def worker(self, host: str, hide: Path | None) -> None:
        """Start a Dask worker on a host."""
        place = self.folder / f"dask-{host}"
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(place)]
        self.start(host, host, "-m", "dask", "worker", ADDRESS, *options, hide=hide)

    def kill(self, name: str) -> None:
        """End a process and all that it has started."""
        process = self.processes[name]
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


def is_on(host: str, process: int) -> bool:
    """Whether a process uses a host's network."""
    there = Path("/run/netns", host).stat()
    here = Path(f"/proc/{process}/ns/net").stat()
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """One that tells by a file when and in which process it trains, and those that train."""
    place = tmp_path_factory.mktemp("detectors")
    plug_in = place / "misbehaving.py"
    plug_in.write_text(f"# {plug_in}\n{MISBEHAVING}")
    return [f"{plug_in}:Slow", *trained(place)]


@pytest.fixture(scope="module")
def undisturbed(
    folders: Folders, detectors: list[str], tmp_path_factory: pytest.TempPathFactory
) -> RunTables:
    """The tables of a run in one process."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    with threads_set_to(1):
        assert work(folders, out, detectors, None, **OPTIONS).failures == ()
    return read_tables(out)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("shared", [True, False], ids=["shared folder", "transfer"])
def test_a_killed_and_a_cut_off_worker_change_no_number(
    shared: bool,
    folders: Folders,
    detectors: list[str],
    undisturbed: RunTables,
    tmp_path: Path,
) -> None:
    place, runs = Path(detectors[0]).parent, tmp_path / "runs"
    for path in place.glob("slow-*"):
        path.unlink()
    runs.mkdir()
    run_file = tmp_path / "run.toml"
    suites, seeds = json.dumps(OPTIONS["suites"]), OPTIONS["seeds"]
    run_file.write_text(
        f"detectors = {json.dumps(detectors)}\nsuites = {suites}\nseeds = {seeds}\n"
        f"[data]\ndata = [{json.dumps(str(folders['data']))}]\ncanonical_size = 32\n"
    )
    hosts = Hosts(tmp_path)
    scheduler, *workers = HOSTS
    try:
        hosts.start("scheduler", scheduler, "-m", "dask", "scheduler", "--no-dashboard")
        for host in workers:
            hosts.worker(host, None if shared else runs)
        how = [] if shared else ["transfer"]
        script = str(HELPERS / "dask_driver.py")
        hosts.start("driver", scheduler, script, str(run_file), str(runs / "run"), ADDRESS, *how)
        began = time.monotonic()
        while not (found := list(place.glob("slow-*"))):
            assert hosts.processes["driver"].poll() is None, hosts.log("driver")
            assert time.monotonic() - began < PATIENCE, hosts.log("driver")
            time.sleep(0.1)
        process = int(found[0].name.removeprefix("slow-"))
        killed = next(host for host in workers if is_on(host, process))
        (other,) = set(workers) - {killed}
        hosts.kill(killed)
        ip("-n", scheduler, "link", "set", other, "down")
        time.sleep(CUT_OFF)
        assert hosts.processes["driver"].poll() is None, "it was over before"
        ip("-n", scheduler, "link", "set", other, "up")
        assert hosts.processes["driver"].wait(PATIENCE) == 0, hosts.log("driver")
    finally:
        for name in hosts.processes:
            hosts.kill(name)
    assert len(list(place.glob("slow-*"))) > 1, "the killed training was repeated"
    assert not list(runs.rglob("*.partial"))
    same(undisturbed, read_tables(runs / "run"))
