"""Every code block of the documentation runs, page by page, as a reader would run it.

`bash` and `python` blocks are executed in one folder per page; a block with a title is written to
the file of that name; `text` is only read. The command `mimbench` in them is that of `started.py`;
`tests/end_to_end/test_wheel.py` starts the one that is installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from started import started

from mimbench.app.export.onnx_file import require_onnx
from mimbench.app.runtime import runtime_files
from mimbench.errors import MissingPartError

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
FIRST = "tutorial.md"  # makes the run that the others go on with


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Language, title and text of each code block."""
    yield from BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def execute(page: str, folder: Path, environment: Mapping[str, str]) -> None:
    for language, title, text in blocks(page):
        if title:
            path = folder / title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            continue
        if language == "text":
            continue
        program = {"bash": ["bash", "-euo", "pipefail"], "python": [sys.executable]}[language]
        done = subprocess.run(
            [*program, "-c", text], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{page}:\n{text}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that a reader's shell has."""
    commands = tmp_path_factory.mktemp("commands")
    places = [commands, Path(sys.executable).parent, os.environ["PATH"]]
    variables = {
        **os.environ,
        "PATH": os.pathsep.join(map(str, places)),
        "OMP_NUM_THREADS": "1",  # threads that wait for a busy core make small networks slow
    }
    with started(commands, variables):
        yield variables


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """A folder in which the tutorial has been followed."""
    folder = tmp_path_factory.mktemp("tutorial")
    execute(FIRST, folder, environment)
    return folder


def test_the_tutorial_ends_with_a_verdict_and_a_class_signal(toured: Path) -> None:
    run = toured / "runs" / "tour"
    assert (run / "index.html").is_file()
    assert (run / "verdicts.json").read_text().count('"verdict":') > 4
    assert "vesicle_clusters" in (run / "class_signal.csv").read_text()


def require_app() -> None:
    """Skip without the libraries of an app, or without npm to fetch its runtime."""
    try:
        require_onnx()
        runtime_files()
    except MissingPartError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("page", [page for page in PAGES if page != FIRST])
def test_every_block_of_a_page_runs(
    page: str, toured: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    if page == "how-to/app.md":
        require_app()
    if any(language in ("bash", "python") and not title for language, title, _ in blocks(page)):
        shutil.copytree(toured, tmp_path, dirs_exist_ok=True)
        execute(page, tmp_path, environment)


@pytest.mark.parametrize("notebook", [path.name for path in sorted(DOCS.rglob("*.ipynb"))])
def test_every_cell_of_a_notebook_runs(
    notebook: str, toured: Path, environment: dict[str, str]
) -> None:
    cells = json.loads((DOCS / notebook).read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    assert not any(cell.get("outputs") for cell in cells), "outputs would go stale"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=toured, env={**environment, "MPLBACKEND": "agg"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert r"\toprule" in done.stdout


def test_no_block_is_in_a_language_that_nothing_runs() -> None:
    found = {
        (page, language)
        for page in PAGES
        for language, title, _ in blocks(page)
        if not title and language not in ("bash", "python", "text")
    }
    assert not found
