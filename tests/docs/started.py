"""A `mimbench` command without the start-up of its interpreter, which takes longer than most pages.

A server has imported torch and the rest once. The command sends it its arguments, folder,
environment and open files, and the server forks a process that runs `mimbench.cli.main` with them.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["started"]

COMMAND = """#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
asked = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(asked).to_bytes(4, "big")], [0, 1, 2])
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
    address, command = str(folder / "socket"), folder / "mimbench"
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
    import mimbench.cli
    import mimbench.evaluation.runner
    import mimbench.report.write  # noqa: F401

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
    size, files, _, _ = socket.recv_fds(client, 4, 3)
    with client.makefile("rb") as sent:
        arguments, folder, environment = json.loads(sent.read(int.from_bytes(size, "big")))
    process = os.fork()
    if process == 0:
        from mimbench.cli import main

        client.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = arguments
        sys.exit(main())
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) & 0xFF


if __name__ == "__main__":
    serve(sys.argv[1])
