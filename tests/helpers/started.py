"""A `mimbench` command without start-up and end of its interpreter, which outlast most pages.

A server has imported torch and the rest once. The command sends it its arguments, folder,
environment and open files, and the server forks a process that runs `mimbench.cli.main` with them.
The interpreter that this process starts for its workers is such a command too.
"""

import atexit
import fcntl
import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

__all__ = ["started"]

MOST_FILES = 250  # that one message can carry

COMMAND = """#!{python} -IS
import json, os, socket, sys
files = []
for number in map(int, os.listdir("/dev/fd")):
    try:
        if os.get_inheritable(number):
            files.append(number)
    except OSError:  # the list's own
        pass
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
asked = json.dumps([sys.argv, files, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(asked).to_bytes(4, "big")], files)
server.sendall(asked)
sys.exit(server.recv(1)[0])
"""


@contextmanager
def started(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Put the command into `folder`, and serve it until the end.

    Args:
        folder: has to be on the PATH of who uses the command.
        environment: at the time of the imports.
    """
    address = str(folder / "socket")
    for name in ("mimbench", "worker-python"):
        command = folder / name
        command.write_text(COMMAND.format(python=sys.executable, address=address), encoding="utf-8")
        command.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, __file__, address], env=dict(environment), stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield
        finally:
            server.kill()


def serve(address: str) -> None:
    """Answer every command in a process of its own."""
    import mimbench

    for module in pkgutil.walk_packages(mimbench.__path__, "mimbench."):
        importlib.import_module(module.name)  # also what a command imports only when it needs it

    gc.collect()
    gc.freeze()  # collections of the processes leave alone, and so unshared, what is here by now
    # A fork server for workers, say, is an interpreter with some code: it gets that from here.
    multiprocessing.set_executable(str(Path(address).with_name("worker-python")))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            client.send(bytes([answer(client)]))
            os._exit(0)
        client.close()


def answer(client: socket.socket) -> int:
    """Run one command; its exit status."""
    size, files, _, _ = socket.recv_fds(client, 4, MOST_FILES)
    with client.makefile("rb") as sent:
        asked = json.loads(sent.read(int.from_bytes(size, "big")))
    arguments, numbers, folder, environment = asked
    process = os.fork()
    if process == 0:
        client.close()
        number_as(files, numbers)
        # The server's own streams know whether its files could be sought, not these.
        sys.stdout, sys.stderr = (open(k, "w", closefd=False) for k in (1, 2))  # noqa: SIM115
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        run(arguments)
    for file in files:
        os.close(file)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) & 0xFF


def number_as(files: Sequence[int], numbers: Sequence[int]) -> None:
    """Give open files the numbers that they had where they come from."""
    above = max((*files, *numbers)) + 1  # first out of each other's way
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, above) for file in files]
    for file in files:
        os.close(file)
    for file, number in zip(moved, numbers, strict=True):
        os.dup2(file, number)
        os.close(file)


def run(arguments: list[str]) -> NoReturn:
    """Be the command, or an interpreter that was given a program as text."""
    from mimbench.cli import main

    status = 1
    try:
        if Path(arguments[0]).name == "mimbench":
            sys.argv = arguments
            status = main()
        else:
            code = arguments.index("-c") + 1
            sys.argv = ["-c", *arguments[code + 1 :]]
            exec(arguments[code], {"__name__": "__main__"})
            status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    # What an interpreter does at its end, but for taking every module down, which takes seconds.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
