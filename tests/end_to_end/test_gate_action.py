"""The GitHub action and the GitLab job of the documentation, step by step on this machine.

What GitHub's own actions do (set up Python, keep a cache, upload) is only recorded, and nothing is
installed; everything else is the bash of the file.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from small_images import write_category
from started import started

PROJECT = Path(__file__).parents[2]
ACTION = PROJECT / ".github" / "actions" / "gate" / "action.yml"
PAGE = (PROJECT / "docs" / "how-to" / "ci-gate.md").read_text(encoding="utf-8")
MODEL = """
def score(images):
    return images[:, 0].float().mean((1, 2))
"""
RUN = """
name = "gate"
detectors = ["model.py:score"]
suites = []
folds = 1

[data]
data = ["images"]
canonical_size = 32
"""


@dataclass
class Done:
    """What the steps of the action left behind."""

    code: int = 0
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    summary: str = ""
    log: str = ""

    @property
    def documents(self) -> Path:
        return Path(self.outputs["run"]["documents"])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A shell that has `mimbench`, and a `python` that only says what pip would install."""
    commands = tmp_path_factory.mktemp("commands")
    python = commands / "python"
    python.write_text('#!/usr/bin/env bash\necho "python $*" >> "$INSTALLED"\n')
    python.chmod(0o755)
    pip = commands / "pip"
    pip.write_text('#!/usr/bin/env bash\necho "pip $*" >> "$INSTALLED"\n')
    pip.chmod(0o755)
    variables = {
        **os.environ,
        "PATH": os.pathsep.join(
            [str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "OMP_NUM_THREADS": "1",
        "INSTALLED": str(commands / "installed.txt"),
    }
    with started(commands, variables):
        yield variables


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A model, images and a run file, as a team has them."""
    for name, level, seed in (("mpox", 90, 1), ("measles", 140, 2)):
        write_category(tmp_path / "images" / name, level, 9, seed)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "run.toml").write_text(RUN)
    return tmp_path


def act(folder: Path, environment: Mapping[str, str], **given: str) -> Done:
    """Run the action's steps as a runner does: a failed step skips those without `always()`."""
    action = yaml.safe_load(ACTION.read_text())
    inputs = {name: about["default"] for name, about in action["inputs"].items()}
    assert set(given) <= set(inputs)
    inputs |= given
    done = Done()
    files = {name: folder / f".{name}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for step in action["runs"]["steps"]:
        if not wanted(step.get("if", "success()"), inputs, done):
            continue
        if "uses" in step:
            about = {k: filled(v, inputs, done) for k, v in step.get("with", {}).items()}
            done.used.append((step["uses"].partition("@")[0], about))
            continue
        for path in files.values():
            path.write_text("")
        variables = {name: filled(value, inputs, done) for name, value in step["env"].items()}
        script = folder / ".step.sh"
        script.write_text(step["run"])
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=folder,
            env={**environment, **variables, **{name: str(path) for name, path in files.items()},
                 "RUNNER_TEMP": str(folder)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        done.log += ended.stdout + ended.stderr
        done.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        done.outputs[step.get("id", step["name"])] = dict(line.split("=", 1) for line in lines)
        done.code = done.code or ended.returncode
    return done


def value(expression: str, inputs: Mapping[str, str], done: Done) -> str:
    """What an expression of GitHub's stands for."""
    first, _, rest = expression.strip().partition(".")
    if first == "inputs":
        return inputs[rest]
    if first == "steps":
        step, _, name = rest.partition(".outputs.")
        return done.outputs.get(step, {}).get(name, "")
    if expression.startswith("hashFiles("):
        return "hash"
    return {"github.action_path": str(ACTION.parent), "runner.os": "Linux"}.get(
        expression.strip(), "1"
    )


def filled(text: str, inputs: Mapping[str, str], done: Done) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: value(found[1], inputs, done), text)


def wanted(condition: str, inputs: Mapping[str, str], done: Done) -> bool:
    parts = [part.strip() for part in condition.split("&&")]
    if "always()" not in parts and done.code:
        return False
    for part in parts:
        if part not in ("always()", "success()"):
            name, _, other = part.partition(" != ")
            if value(name, inputs, done) == other.strip("'"):
                return False
    return True


def command(folder: Path, environment: Mapping[str, str], line: str) -> int:
    return subprocess.run(line.split(), cwd=folder, env=dict(environment), check=False).returncode


def with_reference(repository: Path, environment: Mapping[str, str]) -> Path:
    """The repository after its first run was accepted."""
    done = act(repository, environment)
    assert done.outputs["answer"]["exit-code"] == "2", done.log
    shutil.copytree(done.documents / "candidate", repository / "accepted")
    assert command(repository, environment, "mimbench gate bench/reference accepted --update") == 0
    return repository


def test_the_first_run_says_that_there_is_no_reference_and_can_be_accepted(
    repository: Path, environment: dict[str, str]
) -> None:
    done = act(repository, environment)
    assert (done.code, done.outputs["answer"]["exit-code"]) == (2, "2"), done.log
    assert "no reference bench/reference" in done.summary
    assert (done.documents / "candidate" / "index.html").is_file()
    assert json.loads((done.documents / "gate.json").read_text())["exit_code"] == 2
    suite = ElementTree.parse(done.documents / "gate.xml").getroot()
    assert suite.get("errors") == "1"
    assert [name for name, _ in done.used] == [
        "actions/setup-python",
        *("actions/cache/restore", "actions/cache/save"),
        "actions/upload-artifact",
    ]
    assert done.used[-1][1]["path"] == str(done.documents)


def test_a_pass_a_regression_and_a_failed_row_have_codes_of_their_own(
    repository: Path, environment: dict[str, str]
) -> None:
    with_reference(repository, environment)
    done = act(repository, environment)
    assert (done.code, done.outputs["answer"]["exit-code"]) == (0, "0"), done.log
    assert "Gate passed" in done.summary
    assert "PASS          1 row in which every score is the same" in done.log
    model = repository / "model.py"
    model.write_text(MODEL.replace("images[:, 0]", "-images[:, 0]"))
    done = act(repository, environment)
    assert done.code == 1, done.log
    assert "regression" in done.summary
    assert "| regression | score |" in (done.documents / "gate.md").read_text()
    model.write_text("def score(images):\n    raise ValueError('no such image')\n")
    done = act(repository, environment)
    assert done.code == 3, done.log
    assert "no such image" in done.summary


def test_a_run_that_cannot_start_is_no_answer_and_the_summary_says_why(
    repository: Path, environment: dict[str, str]
) -> None:
    (repository / "bench" / "run.toml").write_text('nam = "gate"\n')
    done = act(repository, environment)
    assert (done.code, done.outputs["answer"]["exit-code"]) == (64, "64")
    assert "exit code 64" in done.summary
    assert "nam" in done.summary
    assert not (done.documents / "candidate").exists()


def test_what_is_installed_is_the_version_of_the_action_from_the_index_of_choice(
    repository: Path, environment: dict[str, str]
) -> None:
    said = Path(environment["INSTALLED"])
    said.unlink(missing_ok=True)
    (repository / "bench" / "run.toml").write_text("")
    wishes = {"torch-index": "https://example.org/cpu", "extras": "pretrained",
              "requirements": "bench/requirements.txt"}  # fmt: skip
    act(repository, environment, **wishes)
    torch, own, others = said.read_text().splitlines()
    assert "--index-url https://example.org/cpu torch torchvision" in torch
    place, extras = own.split()[-1].split("[")
    assert Path(place).resolve() == PROJECT
    assert extras == "pretrained]"
    assert others.endswith("-r bench/requirements.txt")


def test_the_workflow_of_the_documentation_fits_the_action(repository: Path) -> None:
    text = re.search(r'```yaml title="\.github/workflows/[^"]+"\n(.*?)^```', PAGE, re.DOTALL | re.M)
    assert text is not None
    (job,) = yaml.safe_load(text[1])["jobs"].values()
    (step,) = (step for step in job["steps"] if "mimbench/.github/actions/gate@" in step["uses"])
    known: dict[str, Any] = yaml.safe_load(ACTION.read_text())["inputs"]
    assert set(step["with"]) <= set(known)


def test_the_page_makes_every_file_that_its_jobs_name() -> None:
    made = set(re.findall(r'^```\w+ title="([^"]+)"$', PAGE, re.MULTILINE))
    named = {*re.findall(r" -r (\S+)", PAGE), *re.findall(r"requirements: (\S+)", PAGE)}
    named |= set(re.findall(r"(?:run|gate-file|--file):? (\S+\.toml)", PAGE))
    assert {"bench/requirements.txt", "bench/run.toml", "bench/gate.toml"} <= named
    assert named <= made
    (ignored,) = re.findall(
        r'^```text title="\.gitignore"\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE
    )
    assert {"candidate/", "gate.md", "gate.xml"} == set(ignored.split())


def test_the_job_for_gitlab_has_the_codes_of_the_gate(
    repository: Path, environment: dict[str, str]
) -> None:
    text = re.search(r'```yaml title="\.gitlab-ci\.yml"\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE)
    assert text is not None
    (job,) = yaml.safe_load(text[1]).values()
    (repository / "bench" / "gate.toml").write_text("")

    def run() -> int:
        script = "\n".join(job["script"])
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=repository, env=environment, check=False
        ).returncode

    assert run() == 2
    assert "no reference bench/reference" in (repository / "gate.md").read_text()
    assert command(repository, environment, "mimbench gate bench/reference candidate --update") == 0
    assert run() == 0
    assert (repository / job["artifacts"]["reports"]["junit"]).is_file()
    (repository / "model.py").write_text(MODEL.replace("images[:, 0]", "-images[:, 0]"))
    assert run() == 1
    (repository / "bench" / "run.toml").write_text('nam = "gate"\n')
    assert run() == 64
