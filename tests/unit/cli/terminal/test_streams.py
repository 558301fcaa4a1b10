"""What is printed commands no terminal, fits any encoding, and is no markup."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from synthetic_run import RUN_INFO, synthetic_tables, write_synthetic_run

from mimbench.cli import main
from mimbench.cli.terminal.streams import console, say, standard_streams
from mimbench.text import markdown_cell, printable, without_controls

EVIL = "a\x1b]0;owned\x07\x9b2J\u202eb\r\x00"


@pytest.mark.parametrize(
    "script", ["mpox", "चेचक", "ছোঁয়াচে", "ฝีดาษ", "می‌خواهم", "naïve é", "天花", "👩‍⚕️"]
)
def test_the_letters_of_every_script_are_printed_as_they_are(script: str) -> None:
    assert printable(script) == script


def test_control_characters_are_shown_and_not_obeyed() -> None:
    shown = printable(EVIL)
    assert shown == r"a\x1b]0;owned\x07\x9b2J\u202eb\r\x00"
    assert printable(os.fsdecode(b"mpox\xff.png")) == r"mpox\xff.png"
    assert printable("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert without_controls("x\x00\ufffe") == r"x\x00\ufffe"
    assert markdown_cell("a|b\n<img src=x>\\") == r"a\|b &lt;img src=x&gt;\\"


def test_nothing_printed_reaches_the_terminal_as_a_command_or_is_taken_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table(title=f"[/bold] {EVIL}")
    table.add_column(f":warning: {EVIL}")
    table.add_row(f"[red]{EVIL}")
    with standard_streams():
        console().print(table)
        console().print(f"[/oops] {EVIL}")
        say(EVIL)
    shown = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert shown.count("[/bold]") == shown.count("[red]") == shown.count("[/oops]") == 1
    assert ":warning:" in shown


def test_a_run_called_like_markup_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a narrow table folds the names of rows
    folder = write_synthetic_run(tmp_path / "run", synthetic_tables(conditions=()))
    (folder / "run.json").write_text(json.dumps({**RUN_INFO, "name": "[/red] odd \x1b[2J"}))
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "argv", ["mimbench", "report", str(folder), "--quiet"])
    for encoding in ("ascii", "latin-1", "cp1252", "utf-8"):
        stream = io.BytesIO()
        out = io.TextIOWrapper(stream, encoding=encoding, write_through=True)
        with monkeypatch.context() as inside:
            inside.setattr(sys, "stdout", out)
            code = main()
        assert code == 0, capsys.readouterr()
        shown = stream.getvalue().decode(encoding)
        assert r"[/red] odd \x1b[2J" in shown
        assert "mim/residual" in shown


PRINTS = """
import os
from mimbench import Detector

print("on import")

class Prints(Detector):
    trains_on = "target"
    random = False

    def fit(self, train):
        self.level = float(train.target.images.float().mean())
        print("in fit")
        os.write(1, b"past Python\\n")

    def score(self, batch):
        print("in score")
        return (batch.images.float().mean((1, 2, 3)) - self.level).abs()
"""


def test_what_a_plug_in_prints_is_no_part_of_the_json(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "prints.py").write_text(PRINTS)
    words = ["run", "--data", str(folders["data"]), "--only", "prints.py:Prints", "--suite", "none"]
    words += ["--canonical-size", "32", "--quiet", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "mimbench", *words],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {row["row"] for row in json.loads(done.stdout)["leaderboard"]} == {"Prints"}
    for said in ("on import", "in fit", "past Python", "in score"):
        assert said in done.stderr
