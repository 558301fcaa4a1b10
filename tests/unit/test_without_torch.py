"""What only reads a run's tables works where torch cannot be imported, as on a CI runner."""

import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_run import write_synthetic_run

WITHOUT_TORCH = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "pytorch_ood", "lpips"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())

from mimbench.cli import main

for line in sys.stdin.read().splitlines():
    sys.argv = ["mimbench", *line.split("|")]
    print("exit", main(), "of", sys.argv[1], flush=True)
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Output of all commands, in one process without torch, on a run made of numbers."""
    folder = write_synthetic_run(tmp_path_factory.mktemp("somewhere") / "run")
    commands = [
        ("report", folder, "--quiet"),
        ("verify", folder),
        ("gate", folder, folder, "--junit", folder / "gate.xml", "--explain"),
        ("subgroups", folder, "--by", "source"),
        ("table", folder, "--format", "latex"),
        ("compare", folder, folder, "--html", folder / "comparison.html"),
        ("card", folder, "--html", folder / "card.html"),
        ("init", "claims", folder / "mine.toml"),
        ("list", "detectors"),
        ("list", "corruptions"),
        ("list", "suites"),
        ("list", "runs"),
        ("list", "claims"),
        ("list", "kernels"),
        ("data", "phantom", folder / "phantom"),
        ("data", "show", folder / "phantom"),
        ("corrupt", "--sheet", folder / "sheet.png", "--suite", "quick", "--quiet"),
        ("score", folder, folder / "phantom"),
    ]
    lines = "\n".join("|".join(map(str, command)) for command in commands)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        input=lines, capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "report",
        "verify",
        "gate",
        "subgroups",
        "table",
        "compare",
        "card",
        "init",
        "list",
        "data",
        "corrupt",
    ],
)
def test_commands_on_tables_and_images_need_no_torch(printed: str, command: str) -> None:
    codes = [line for line in printed.splitlines() if line.endswith(f" of {command}")]
    assert codes
    assert set(codes) == {f"exit 0 of {command}"}


def test_scoring_says_what_is_missing(printed: str, tmp_path: Path) -> None:
    assert "exit 64 of score" in printed
    assert "needs torch" in " ".join(printed.split())
