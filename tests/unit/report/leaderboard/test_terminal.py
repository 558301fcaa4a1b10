"""What is printed: a live bar on a terminal alone, plain lines in logs, JSON alone on stdout."""

import io
import json
import os
import re
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.cli import main
from mimbench.cli.terminal.progress_bar import Display
from mimbench.cli.terminal.streams import console

if sys.platform != "linux":
    pytest.skip("pseudo-terminals are tried on Linux", allow_module_level=True)

COLOUR = re.compile(r"\x1b\[[\d;]*m")


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 120) -> Iterator[int]:
    """A pseudo-terminal of so many columns as stdout; yields the end to read from."""
    import pty

    ours, theirs = pty.openpty()
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as inside:
        inside.setattr(sys, "stdout", stream)
        yield ours
    os.close(ours)


def work(display: Display) -> None:
    with display:
        display.stage("Fitting", 2)
        display.update(1, "[/odd] mim, fold 0: step 10/600")
        if display.live:
            display.bar.refresh()
        display.message("mim failed: [red]no[/]")
        display.update(2)


def shown(place: int) -> str:
    """All that was written: the kernel passes it on in pieces, late on a busy machine."""
    pieces = []
    while select.select([place], [], [], 0.5)[0]:
        pieces.append(os.read(place, 1_000_000))
    return b"".join(pieces).decode()


def test_a_terminal_gets_a_live_bar_with_what_runs_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(monkeypatch) as place:
        work(Display(console()))
        text = shown(place)
    plain = COLOUR.sub("", text)
    assert "[/odd] mim, fold 0: step 10/600" in plain, "names are no markup"
    assert "mim failed: [red]no[/]" in plain
    assert "50%" in plain
    assert "passed" in plain
    assert "\x1b[?25l" in text, "the bar is redrawn in place"


@pytest.mark.parametrize("columns", [80, 100])
def test_a_narrow_terminal_shortens_the_note_and_keeps_bar_share_and_time_left(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    note = "resnet18/posterior and 24 more, fold 1, seed 0, motion_blur severity 5: 12 of 40 images"
    with terminal(monkeypatch, columns) as place:
        display = Display(console())
        with display:
            display.stage("Scoring", 2)
            for done in (0.5, 1.0):
                time.sleep(0.02)  # a pace needs two moments
                display.update(done, note)
            display.bar.refresh()
        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown(place))
    line = next(line for line in re.split(r"[\r\n]+", text) if "resnet18" in line)
    assert "50%" in line
    assert line.count("━") + line.count("╸") + line.count("╺") == 10
    assert re.search(r"\d+:\d\d:\d\d passed, (under )?1 s left ", line), line
    assert "…" in line
    assert len(line.rstrip()) <= columns


def test_the_estimate_of_the_whole_run_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as place:
        display = Display(console())
        with display:
            display.stage("Scoring", 2)
            display.update(1, "mim", 7200.0)
            display.bar.refresh()
        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown(place))
    line = next(line for line in re.split(r"[\r\n]+", text) if "mim" in line)
    assert "whole run: 2 h 0 min left" in line
    assert line.count("left") == 1
    monkeypatch.setattr("mimbench.cli.terminal.progress_bar.PLAIN_INTERVAL", -1.0)
    written = io.StringIO()
    display = Display(Console(file=written, width=200))
    display.stage("Scoring", 2)
    display.update(1, "mim", 7200.0)
    assert "Scoring: 50%, whole run: 2 h 0 min left  mim" in written.getvalue()
    assert written.getvalue().count("left") == 1


def test_no_color_and_quiet_are_kept_to_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as place:
        work(Display(console(), quiet=True))
        assert "Fitting" not in shown(place)
        monkeypatch.setenv("NO_COLOR", "1")
        work(Display(console()))
        codes = re.findall(r"\x1b\[([\d;]*)m", shown(place))
    assert not [code for code in codes if re.search(r"(^|;)(3|4|9|10)\d(;|$)", code)], codes


def test_a_ci_log_gets_whole_lines_even_where_colours_are_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mimbench.cli.terminal.progress_bar.PLAIN_INTERVAL", 0.0)
    for variable in ("FORCE_COLOR", "CI"):
        monkeypatch.setenv(variable, "1")
    log = io.StringIO()
    work(Display(Console(file=log)))
    text = COLOUR.sub("", log.getvalue())
    assert "\r" not in text
    assert "\x1b" not in text
    assert text.splitlines()[0] == "Fitting ..."
    assert re.search(r"Fitting: 50%, this stage: (under )?\d+ s left  \[/odd\] mim", text)


def test_a_log_gets_a_line_for_each_tenth_and_is_never_silent_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("mimbench.cli.terminal.progress_bar.time.monotonic", lambda: clock.now)

    def lines(hours: float) -> list[float]:
        """When there is a line, in a stage of so many hours."""
        log = io.StringIO()
        display, seconds, told = Display(Console(file=log)), int(hours * 3600), []
        display.stage("Fitting", seconds)
        began = clock.now
        for second in range(seconds):
            clock.now = began + second
            before = log.tell()
            display.update(second)
            told += [second] * (log.tell() > before)
        return told

    assert lines(20 / 3600) == [], "a short stage has its title alone"
    assert len(lines(0.25)) == 9
    long = lines(5)
    assert max(b - a for a, b in pairwise([0, *long])) <= 301
    assert len(long) < 5 * 60 / 4


@pytest.mark.slow
def test_with_json_stdout_is_json_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_synthetic_run(tmp_path / "runs" / "synthetic", synthetic_tables(conditions=()))

    def run(*arguments: object) -> object:
        monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, arguments)])
        assert main() == 0, arguments
        return json.loads(capsys.readouterr().out)

    report = run("report", folder, "--json")
    assert isinstance(report, dict)
    assert report["page"] == str(folder / "index.html")
    rows = {line["row"]: line for line in report["leaderboard"]}
    assert {"mim/residual", "harmonic", "broken"} <= rows.keys()
    assert rows["broken"]["status"] != "ok"
    verdicts = run("verify", folder, "--json")
    assert isinstance(verdicts, list)
    assert {"claim", "row", "verdict", "explanation"} <= verdicts[0].keys()
    gate = run("gate", folder, folder, "--json")
    assert isinstance(gate, dict)
    assert gate["exit_code"] == 0
    runs = run("runs", folder.parent, "--json")
    assert isinstance(runs, list)
    assert (runs[0]["state"], runs[0]["folder"]) == ("finished", str(folder))
    clean = run("runs", "clean", folder, "--json")
    assert clean == {"folder": str(folder), "leftovers": [], "removed": False}
