"""A typing mistake is answered before anything is imported that takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from mimbench.cli.terminal.exit_codes import ExitCode

# Each takes more than a tenth of a second to import.
HEAVY = ("torch", "pandas", "pyarrow", "numba", "scipy", "sklearn", "cv2", "matplotlib")
MISTAKES = {
    "run --sedes 3": "--seeds",
    "run phantom-panl": "phantom-panel",
    "run --only mim,harmonc": "Unknown detector 'harmonc'. Did you mean harmonic",
    "run --detector mimm": "Unknown detector 'mimm'",
    "run --data nowhere": "nowhere does not exist",
    "run --data . --unknown nowhere": "nowhere does not exist",
    "data show nowhere": "nowhere does not exist",
    "data check nowhere": "nowhere does not exist",
    "report nowhere": "no folder nowhere",
    "verify nowhere": "no folder nowhere",
    "gate nowhere nowhere": "no folder nowhere",
    "score nowhere images": "no folder nowhere",
    "subgroups nowhere --by source": "no folder nowhere",
    "runs compact nowhere small": "no folder nowhere",
    "runs clean nowhere": "no folder nowhere",
}
WITHOUT = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"imported {{name}}", name=name)

sys.meta_path.insert(0, Missing())

from mimbench.cli import main

for line in sys.stdin.read().splitlines():
    sys.argv = ["mimbench", *line.split()]
    print("==", line, file=sys.stderr, flush=True)
    print("exit", main(), file=sys.stderr, flush=True)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said to each mistake, all in one process that has nothing heavy."""
    folder: Path = tmp_path_factory.mktemp("empty")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        input="\n".join(MISTAKES), capture_output=True, text=True, cwd=folder, check=True,
    )  # fmt: skip
    parts = (part.partition("\n") for part in done.stderr.split("== ")[1:])
    return {command: said for command, _, said in parts}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_answered_at_once_with_what_is_wrong(
    command: str, answers: dict[str, str]
) -> None:
    assert MISTAKES[command] in answers[command]
    code = ExitCode.NOT_COMPARABLE if command.startswith("gate") else ExitCode.USAGE
    assert f"exit {code:d}\n" in answers[command]
