"""Every usage error is one sentence on stderr and exit code 64, before anything is computed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_images import write_category
from synthetic_run import synthetic_tables, write_synthetic_run

from mimbench.cli import main

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def mimbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Run the command line in an empty folder; returns exit code and everything printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mimbench.cli.terminal.streams.WIDTH", 1000)  # no wrapped sentences

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, arguments)])
        code = main()
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("--dask", "local:2", "--jobs", 2), ("--jobs", "--dask")),
        (("--dask-transfer",), ("--dask ADDRESS",)),
        (("--dask", ""), ("--dask is empty",)),
        (("--dask", "local:0"), ("local:N",)),
        (("--dask", "local:2", "--timeout", 0), ("--timeout", "0 seconds")),
    ],
)
def test_who_computes_is_said_once_and_completely(
    mimbench: Command, given: tuple[object, ...], named: tuple[str, ...]
) -> None:
    code, shown = mimbench("run", *given)
    assert code == 64
    assert all(text in shown for text in named), shown


def test_no_command_and_h_are_questions_and_no_mistakes(mimbench: Command) -> None:
    for given in ((), ("-h",), ("data",), ("data", "-h"), ("gate", "-h"), ("runs", "-h")):
        code, shown = mimbench(*given)
        assert code == 0, given
        assert "Usage: mimbench" in shown
        assert "Error" not in shown


@pytest.mark.parametrize(
    ("typed", "offered"), [("mimbench ga", "gate"), ("mimbench gate --mar", "--margin")]
)
def test_a_shell_completes_commands_and_flags(typed: str, offered: str) -> None:
    asked = {"_MIMBENCH_COMPLETE": "complete_bash", "COMP_WORDS": typed,
             "COMP_CWORD": str(typed.count(" "))}  # fmt: skip
    done = subprocess.run(
        [Path(sys.executable).parent / "mimbench"],
        env={**os.environ, **asked}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert offered in done.stdout.split(), done.stderr


def test_the_help_of_run_has_a_paragraph_for_each_subject(mimbench: Command) -> None:
    code, shown = mimbench("run", "--help")
    assert code == 0
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", shown)]
    assert (
        "An interrupted run continues when the command is repeated; nothing is computed twice."
        in (paragraphs)
    )


def test_the_code_for_a_shell_is_printed(
    mimbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    code, shown = mimbench("--show-completion", "bash")
    assert code == 0
    assert "COMPREPLY" in shown
    assert "Error" not in shown


def test_usage_errors_name_what_is_wrong_and_what_would_be_right(
    mimbench: Command, folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "broken.toml").write_text("name = [")
    (tmp_path / "odd.toml").write_text('name = "odd"\ndetector = "mim"\ncolour = 1')
    (tmp_path / "steps.toml").write_text('name = "s"\ndetector = "mim"\n[parameters]\nstep = 1')
    (tmp_path / "fold.toml").write_text("fold = 2")
    (tmp_path / "a_file").write_text("")
    data = ("--data", folders["data"])
    one = (*data, "--only", "histogram")
    cases: dict[tuple[object, ...], tuple[str, ...]] = {
        ("run", "--data", empty): ("empty", "no images"),
        ("run", "--data", tmp_path / "nowhere"): ("nowhere", "does not exist"),
        ("run", *one, "--target", "mpxo"): ("mpxo", "Did you mean mpox"),
        ("run", *one, "--known", "mpox"): ("mpox", "target"),
        ("run", *one, "--unknown", folders["data"]): ("given twice",),
        ("run", *one, "--unknown", folders["data"] / "measles"): ("measles", "one role"),
        ("run", *one, "--layout", "mlsd"): ("mlsd", "Did you mean", "msld"),
        ("run", *one, "--folds", "20"): ("patients", "fewer folds"),
        ("run", *one, "--suite", "quik"): ("quik", "Did you mean quick"),
        ("run", *one, "--device", "warp"): ("warp", "cpu, cuda or auto"),
        ("run", *one, "--canonical-size", "7"): ("--canonical-size", "32"),
        ("run", *one, "--out", tmp_path / "a_file"): ("a_file", "--out"),
        ("run", *one, "--out", folders["data"] / "results"): ("results", "--out"),
        ("run", "--data", "", "--only", "histogram"): ("whose images it reads",),
        ("run", *data, "--only", "resnt18"): ("resnt18", "Did you mean resnet18"),
        ("run", *data, "--only", tmp_path / "none.toml"): ("none.toml",),
        ("run", *data, "--only", tmp_path / "broken.toml"): ("broken.toml", "not valid TOML"),
        ("run", *data, "--only", tmp_path / "odd.toml"): ("odd.toml", "colour"),
        ("run", *data, "--only", tmp_path / "steps.toml"): ("step", "parameters"),
        ("run", *data, "--only", f"{plugin}:Brightnes"): ("Brightnes", "Did you mean Brightness"),
        ("run", *data, "--only", "absent.py:Thing"): ("absent.py",),
        ("run", *one, "--folds", "0"): ("--folds", "1 or more", "not 0"),
        ("run", *one, "--canonical-size", "16"): ("--canonical-size", "32 or more"),
        ("run", tmp_path / "fold.toml"): ("fold.toml", "unknown field fold", "folds"),
        ("log", empty, "--to", "mlfow"): ("mlfow", "Did you mean mlflow"),
        ("run", "defualt"): ("defualt", "Did you mean default"),
        ("run", "--flods", "3"): ("--flods",),
        ("report", empty): ("empty",),
        ("list", "detector"): ("Did you mean detectors",),
        ("data", "phantom", folders["data"]): ("not an empty folder",),
        ("corrupt",): ("IN and OUT",),
        ("corrupt", empty, tmp_path / "out"): ("no images",),
        ("corrupt", folders["data"], tmp_path / "out", "--severity", "9"): ("1 to 5",),
        ("corrupt", folders["data"], tmp_path / "out", "--suite", "fone"): ("phone",),
    }
    for arguments, expected in cases.items():
        code, shown = mimbench(*arguments)
        assert code == 64, (arguments, shown)
        assert "Traceback" not in shown
        for text in expected:
            assert text in shown, (arguments, shown)
    assert not (tmp_path / "runs").exists()


def test_a_run_with_a_failed_row_ends_with_code_3_and_says_which(
    mimbench: Command, folders: dict[str, Path], plugin: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "data"
    bad.symlink_to(folders["data"])
    code, shown = mimbench(
        *("run", "--data", bad, "--canonical-size", 32, "--suite", "none", "--quiet"),
        *("--only", f"{plugin}:Raises", "--only", "histogram"),
    )
    assert code == 3, shown
    assert "Raises, fold 0" in shown
    assert "the fit went wrong" in shown
    assert "histogram" in shown
    folder = tmp_path / "runs" / "data"
    for name in (
        "scores.parquet",
        "metrics.parquet",
        "leaderboard.md",
        "index.html",
        "rejected.csv",
    ):
        assert (folder / name).is_file(), name


def test_the_last_lines_of_a_run_say_what_it_has_and_no_more(
    mimbench: Command, folders: dict[str, Path], plugin: Path
) -> None:
    images = ("run", "--data", folders["data"], "--canonical-size", 32, "--suite", "none")
    code, shown = mimbench(*images, "--quiet", "--only", f"{plugin}:Raises")
    assert code == 3, shown
    assert "Failed: Raises" in shown
    assert "next: mimbench" not in shown, "there is nothing to judge"
    code, shown = mimbench(*images, "--quiet", "--only", f"{plugin}:Brightness")
    assert code == 0, shown
    assert "next: mimbench verify" in shown
    assert "Added: Brightness" not in shown, "it has nothing to be compared with"


def test_a_broken_file_is_listed_and_harmonising_is_shown_beside_the_images_as_they_are(
    mimbench: Command, folders: dict[str, Path], tmp_path: Path
) -> None:
    data = tmp_path / "photos"
    shutil.copytree(folders["data"], data)
    broken = data / "mpox" / "00_1.png"
    broken.write_bytes(broken.read_bytes()[:200])
    code, shown = mimbench(
        *("run", "--data", data, "--abnormal", folders["abnormal"], "--canonical-size", 64),
        *("--suite", "none", "--only", "file-statistics", "--harmonise", "--quiet"),
    )
    assert code == 0, shown
    folder = tmp_path / "runs" / "photos"
    rejected = pd.read_csv(folder / "rejected.csv")
    assert rejected["path"].tolist() == [str(broken)]
    assert "00_1.png" in (folder / "index.html").read_text(encoding="utf-8")
    table = pd.read_csv(folder / "harmonise.csv").set_index("role")
    assert set(table.index) == {"known", "abnormal"}
    assert (table["change"] == table["harmonised"] - table["as_is"]).all()
    assert (folder / "as-is" / "scores.parquet").is_file()


def test_a_harmonised_run_uses_what_the_same_run_had_on_the_images_as_they_are(
    mimbench: Command, folders: dict[str, Path], tmp_path: Path
) -> None:
    command = (
        *("run", "--data", folders["data"], "--abnormal", folders["abnormal"], "--quiet"),
        *("--canonical-size", 32, "--suite", "none", "--only", "histogram", "--out", "runs/photos"),
    )
    code, shown = mimbench(*command)
    assert code == 0, shown
    folder = tmp_path / "runs" / "photos"

    def stored(run: Path) -> dict[str, bytes]:
        parts = (path for name in ("fits", "blocks") for path in (run / name).rglob("*.*"))
        return {path.relative_to(run).as_posix(): path.read_bytes() for path in parts}

    earlier = stored(folder)  # the seconds of each fit are in it
    _, shown = mimbench(*command, "--harmonise", "--dry-run")
    assert "The images as they are take about as long again, unless the folder has a run" in shown
    code, shown = mimbench(*command, "--harmonise")
    assert code == 0, shown
    assert stored(folder / "as-is") == earlier
    assert earlier.items() < stored(folder).items()


def test_any_folder_tree_serves_with_one_of_its_categories_as_the_target(
    mimbench: Command, plugin: Path, tmp_path: Path
) -> None:
    for number, tree in enumerate(("oak", "beech")):
        write_category(tmp_path / "trees" / tree, 60 + 50 * number, 9, number)
    asked = ("run", "--data", "trees", "--target", "oak", "--suite", "none")
    rows = ("--only", "histogram", "--only", f"{plugin}:Brightness", "--abnormal", "generated")
    code, shown = mimbench(*asked, *rows, "--canonical-size", 32, "--out", "run", "--jobs", 0)
    assert code == 0, shown
    images = pd.read_parquet(tmp_path / "run" / "images.parquet")
    roles = images.groupby("category")["role"].first()
    assert roles[["oak", "beech"]].tolist() == ["target", "known"]
    board = pd.read_csv(tmp_path / "run" / "leaderboard.csv").set_index("row")
    assert board.loc["histogram", "known_same-source:auroc"] > 0.95


def test_the_audit_names_a_repeated_file_and_strict_makes_it_fail(
    mimbench: Command, folders: dict[str, Path], tmp_path: Path
) -> None:
    data = tmp_path / "photos"
    shutil.copytree(folders["data"], data)
    shutil.copy(data / "mpox" / "00_0.png", data / "mpox" / "twin.png")
    code, shown = mimbench("data", "check", data, "--html", tmp_path / "audit.html")
    assert code == 0, shown
    assert "twin.png" in shown
    assert "twin.png" in (tmp_path / "audit.html").read_text()
    code, _ = mimbench("data", "check", data, "--strict")
    assert code == 1
    code, shown = mimbench("data", "check", data, "--backbone", "resnt18", "--weights", "none")
    assert code == 64
    assert "Did you mean resnet18" in shown
    code, shown = mimbench("run", "--data", data, "--only", "histogram", "--strict")
    assert code == 64
    assert "audit.csv" in shown


def test_a_dry_run_prints_the_plan_and_makes_no_folder(
    mimbench: Command, folders: dict[str, Path], tmp_path: Path
) -> None:
    place = tmp_path / "planned"
    command = ("run", "--data", folders["data"], "--only", "histogram", "--out", place)
    code, shown = mimbench(*command, "--dry-run")
    assert code == 0, shown
    assert "histogram: 1 trained model, training" in shown
    assert "on disk" in shown
    assert not place.exists()
    code, shown = mimbench(*command, "--dry-run", "--dask", "local:3")
    assert code == 0, shown
    assert "in 3 processes" in shown
    assert not place.exists()


def test_a_corrupted_folder_is_not_made_twice_and_a_sheet_needs_no_image(
    mimbench: Command, folders: dict[str, Path], tmp_path: Path
) -> None:
    command = ("corrupt", folders["abnormal"], tmp_path / "out", "--suite", "quick")
    code, shown = mimbench(*command, "--severity", 3)
    assert (code, "24 written, 0 kept" in shown) == (0, True), shown
    code, shown = mimbench(*command, "--severity", 3)
    assert (code, "0 written, 24 kept" in shown) == (0, True), shown
    code, shown = mimbench("corrupt", "--suite", "quick", "--sheet", tmp_path / "sheet.png")
    assert code == 0, shown
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_phantom_files_are_read_back_as_the_collection_they_are(
    mimbench: Command, tmp_path: Path
) -> None:
    code, shown = mimbench("data", "phantom", tmp_path / "phantom", "--size", 32)
    assert code == 0, shown
    code, shown = mimbench("data", "show", tmp_path / "phantom")
    assert code == 0, shown
    assert "umbilicated_pustules" in shown
    assert "9 read, 0 rejected" in shown


def test_verdicts_and_subgroups_reach_the_page(mimbench: Command, tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path / "a run", synthetic_tables(conditions=()))
    code, shown = mimbench("verify", folder)
    assert code == 0, shown
    assert shown.splitlines()[-1] == f"mimbench report '{folder}'"  # there is no page yet
    assert mimbench("report", folder, "--quiet")[0] == 0
    page = folder / "index.html"
    assert 'id="verdicts"' in page.read_text()
    (folder / "verdicts.json").unlink()
    code, shown = mimbench("subgroups", folder, "--by", "source")
    assert code == 0, shown
    assert f"Page: {page}" in shown.splitlines()
    assert 'id="verdicts"' not in page.read_text()
    assert 'id="subgroups"' in page.read_text()
    assert mimbench("verify", folder)[0] == 0
    assert 'id="verdicts"' in page.read_text()


OURS = """
name = "ours"
[[claim]]
id = "ours"
statement = "Ours is better than chance."
kind = "at_least"
rows = ["mim/residual", "mim/l1"]
bound = 0.5
role = "unknown"
"""


def test_verify_judges_the_claims_of_the_verdicts_that_a_run_has(
    mimbench: Command, tmp_path: Path
) -> None:
    folder = write_synthetic_run(tmp_path / "run", synthetic_tables(conditions=()))
    (tmp_path / "ours.toml").write_text(OURS, encoding="utf-8")
    code, shown = mimbench("verify", folder, "--claims", "ours.toml")
    assert (code, "Replaced" in shown) == (0, False), shown
    kept = (folder / "verdicts.json").read_text(encoding="utf-8")
    code, shown = mimbench("verify", folder)
    assert code == 0, shown
    assert "Judged again: ours, as kept in verdicts.json." in shown
    assert (folder / "verdicts.json").read_text(encoding="utf-8") == kept
    code, shown = mimbench("verify", folder, "--claims", "mim-paper")
    assert "Replaced: the verdicts on ours." in shown
    assert mimbench("verify", folder, "--claims", "ours.toml")[0] == 0
    changed = OURS.replace("bound = 0.5", "bound = 0.4")
    assert changed != OURS
    (tmp_path / "ours.toml").write_text(changed, encoding="utf-8")
    assert mimbench("verify", folder)[0] == 0
    assert (folder / "verdicts.json").read_text(encoding="utf-8") == kept, "the claims as judged"
    code, shown = mimbench("verify", folder, "--claims", "ours.toml")
    assert "Replaced: the verdicts on ours, whose claims were other ones then." in shown
    (folder / "verdicts.json").write_text("{", encoding="utf-8")
    code, shown = mimbench("verify", folder)
    assert code != 0
    assert "verdicts.json" in shown
    assert "--claims NAME" in shown
    code, shown = mimbench("verify", folder, "--claims", "ours.toml")
    assert code == 0
    assert "Replaced: verdicts on claims that are not on record." in shown
    kept_before = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    del kept_before["claims"]  # as an earlier version left it
    (folder / "verdicts.json").write_text(json.dumps(kept_before), encoding="utf-8")
    code, shown = mimbench("verify", folder)
    assert code == 0
    assert "Claims of mim-paper" in shown
    assert "Replaced: verdicts on claims that are not on record." in shown


COLOUR = """
name = "colour"
[[claim]]
id = "colour"
statement = "Colour is better than detail."
kind = "superior"
rows = ["histogram"]
against = ["complexity/rough"]
role = "unknown"
corruptions = ["fog"]
[[claim]]
id = "elsewhere"
statement = "Colour serves elsewhere."
kind = "at_least"
rows = ["histogram"]
bound = 0.5
role = "external"
"""


def test_a_run_for_claims_measures_what_they_need_and_ends_with_the_verdicts(
    mimbench: Command, folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "colour.toml").write_text(COLOUR, encoding="utf-8")
    command = (
        *("run", "--data", folders["data"], "--unknown", folders["unknown"], "--quiet"),
        *("--canonical-size", 32, "--claims", "colour.toml", "--severities", 3),
        *("--only", "histogram", "--only", "complexity", "--out", "runs/claimed"),
    )
    code, shown = mimbench(*command)
    assert code == 0, shown
    words = " ".join(shown.split())
    asked = "--suite imagenet-c --corruption fog --folds 3 --seeds 3 --swap auto"
    assert words.startswith(f"For the claims of colour: {asked} Not tested without --external DIR")
    assert "first look" not in words
    assert "Claims of colour, target mpox: " in words
    assert "NOT TESTED The run has no external images" in words
    assert "Check of power, fail: " in words
    assert "Fewer than 10 other patients show little; more photos are needed." in words
    assert shown.index("Leaderboard") < shown.index("Check of power")
    assert shown.index("Check of power") < shown.index("Claims of colour") < shown.index("Page: ")
    folder = tmp_path / "runs" / "claimed"
    scores = pd.read_parquet(folder / "scores.parquet")
    assert set(scores["corruption"]) == {"clean", "fog"}
    assert 'id="verdicts"' in (folder / "index.html").read_text(encoding="utf-8")
    code, shown = mimbench(*command, "--json")
    verdicts = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])["verdicts"]
    assert [verdict["claim"] for verdict in verdicts] == ["colour", "elsewhere"]
    assert verdicts == json.loads((folder / "verdicts.json").read_text("utf-8"))["verdicts"]


def test_score_lists_what_it_cannot_read_and_refuses_before_it_begins(
    mimbench: Command, finished_run: Path, plugin: Path, tmp_path: Path
) -> None:
    write_category(tmp_path / "site" / "mpox", 90, 3, 17)
    write_category(tmp_path / "site" / "orf", 170, 3, 18)
    (tmp_path / "site" / "mpox" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    asked = ("score", finished_run, tmp_path / "site", "--detector", f"{plugin}:Brightness")
    code, text = mimbench(*asked, "--out", tmp_path / "out")
    assert code == 0
    assert "cut.jpg" in text
    assert "cut.jpg" in (tmp_path / "out" / "rejected.csv").read_text()
    assert "--folds" in text, "how to get a threshold"
    assert "External test of small" in text

    code, text = mimbench(*asked, "--out", finished_run)
    assert code == 64
    assert "--out" in text
    assert "Scoring" not in text
