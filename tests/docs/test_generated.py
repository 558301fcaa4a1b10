"""What the built pages generate: every committed row with its run, every column with a meaning."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch.object(sys, "path", [str(ROOT / "docs"), *sys.path]):  # as mkdocs does
        spec.loader.exec_module(module)
    return module


def marked(name: str) -> str:
    return f"<!-- generated: {name} -->\nwords\n<!-- end -->"


def test_an_unbuilt_page_has_words_where_the_built_one_has_a_table() -> None:
    makers = {*hook("_hooks").GENERATED, "all_tables", "leaderboard"}
    found = []
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "{{" not in text, page
        places = re.findall(r"<!-- generated: (\w+) -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
        assert len(places) == text.count("<!-- generated:"), page
        assert all(re.search(r"`.+`", words) for _, words in places), "where the same is said"
        found += [name for name, _ in places]
    assert sorted(found) == sorted(makers)


def test_readers_of_the_page_on_claims_have_its_tables_without_building_it() -> None:
    page = (ROOT / "docs" / "reference" / "claims.md").read_text(encoding="utf-8")
    table = "\n".join(hook("_hooks")._claims_file())
    assert f"<!-- generated: claims_file -->\n{table}\n<!-- end -->" in page


def test_the_leaderboard_has_a_line_for_every_committed_row_with_its_run_and_command() -> None:
    page = hook("_leaderboard").on_page_markdown(marked("leaderboard"))
    lines = re.findall(r"<tr.*?</tr>", page)
    boards = {
        path.parent: pd.read_csv(path) for path in (ROOT / "results").glob("*/leaderboard.csv")
    }
    assert '<table class="board"' in page, "the theme wraps tables without a class, and cuts them"
    assert len(lines) == 1 + sum(map(len, boards.values()))
    for folder, board in boards.items():
        own = [line for line in lines if f'href="#{folder.name}"' in line]
        assert all(any(f">{row}" in line for line in own) for row in board["row"])
        assert json.loads((folder / "run.json").read_text())["command"] in page
        assert f"{{ #{folder.name} }}" in page


def test_numbers_on_the_leaderboard_are_those_of_the_files_and_controls_are_named() -> None:
    board = pd.read_csv(ROOT / "results" / "default" / "leaderboard.csv")
    page = hook("_leaderboard").on_page_markdown(marked("leaderboard"))
    own = [line for line in re.findall(r"<tr.*?</tr>", page) if '"#default"' in line]
    for _, row in board[board["status"] == "ok"].iterrows():
        (line,) = (line for line in own if re.search(rf">{re.escape(row['row'])}( \(|<)", line))
        assert f'data-value="{row["unknown_same-source:auroc"]}"' in line
        assert ("(control)" in line) == bool(row["control"])


def test_every_column_of_every_table_has_a_meaning() -> None:
    page = hook("_tables").on_page_markdown(marked("all_tables"))
    files = re.findall(r"### `(.*?)`", page)
    assert {"scores.parquet", "metrics.parquet", "class_signal.csv", "leaderboard.csv"} <= set(
        files
    )
    assert not re.search(r"\| `\w+` \|\s*\|", page)
    assert "finite; higher = less like the target" in page


def test_a_column_that_nothing_explains_stops_the_build(tmp_path: Path) -> None:
    module = tmp_path / "table.py"
    module.write_text(
        'COLUMNS = {\n    # above\n    "a": "str",  # beside\n    "oddity": "str",\n}\n'
    )
    with pytest.raises(ValueError, match="oddity"):
        hook("_tables").meanings(module, "COLUMNS")
    module.write_text('COLUMNS = {\n    # above\n    "a": "str",  # beside\n}\n')
    assert hook("_tables").meanings(module, "COLUMNS") == {"a": "above beside"}
