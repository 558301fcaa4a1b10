"""What a CI server gets: documents in every case, with the reason, the row and readable images."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables
from synthetic_run import RUN_INFO, write_synthetic_run

from mimbench.cli import main
from mimbench.files import file_hash
from mimbench.gate import GateSettings, as_junit, as_markdown, as_text, gate, movers, not_compared
from mimbench.scores.digests import write_sealed
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import Origin, RunTables, checksums

IMAGES = made_images({"mpox": ("target", "clinic", 60), "acne": ("unknown", "clinic", 60)})
ROWS = {"mim": Made(0.8), "cnn": Made(0.7), "vae": Made(0.6)}


def tables(draw: int = 0, **rows: Made) -> RunTables:
    return made_tables({**ROWS, **rows}, images=IMAGES, draw=draw)


def retrained(draw: int = 0, **rows: Made) -> RunTables:
    return made_tables({**ROWS, **rows}, images=IMAGES, seeds=(0, 1, 2), draw=draw)


def written(folder: Path, made: RunTables) -> Path:
    write_synthetic_run(folder, made)
    files = {"rejected.csv": file_hash(folder / "rejected.csv")}
    info = {**RUN_INFO, "detectors": [], "checksums": checksums(folder), "files": files}
    write_sealed(folder / "run.json", info)
    return folder


def command(monkeypatch: pytest.MonkeyPatch, *given: object) -> int:
    monkeypatch.setattr(sys, "argv", ["mimbench", *map(str, given)])
    return main()


def test_rows_with_the_same_problem_share_a_sentence() -> None:
    result = gate(tables(), tables(draw=1))
    assert result.exit_code == 2
    text = as_text(result)
    assert text.count("give 3 seeds") == 1
    assert "the same holds for" in text
    assert as_markdown(result).count("give 3 seeds") == 1
    cases = ElementTree.fromstring(as_junit(result)).findall("testcase")
    assert {case.get("classname") for case in cases} == {"gate.mim", "gate.cnn", "gate.vae"}


def test_rows_without_a_changed_score_share_a_line_and_keep_their_cases() -> None:
    result = gate(tables(), tables())
    text, page = as_text(result), as_markdown(result)
    for shown in (text, page):
        assert shown.count("every score is the same") == 1
        assert "3 rows" in shown
        assert all(f"{row} " in shown for row in ROWS)
    assert len(ElementTree.fromstring(as_junit(result)).findall("testcase")) == len(result.tests)


def test_on_a_terminal_no_line_is_longer_than_it_and_verdicts_stand_out() -> None:
    runs = [made_tables(ROWS, images=IMAGES, seeds=(0, 1, 2), draw=draw) for draw in (0, 1)]
    result = gate(*runs)
    whole, text = as_text(result), as_text(result, width=80)
    assert max(map(len, whole.splitlines())) > 100
    assert max(map(len, text.splitlines())) <= 80
    assert text.split() == whole.split()
    for row, verdict in result.verdicts.items():
        head = f"{verdict.upper():<13} {row}: "
        after = text[text.index(f"\n{head}") :].splitlines()[2:]
        assert after[0].startswith("  clean: AUROC")
        assert after[1].startswith("    ")


def test_a_reference_of_controls_alone_is_told_one_remedy() -> None:
    made = tables()
    controls = replace(made, fits=made.fits.assign(control=True))
    result = gate(controls, controls)
    assert result.exit_code == 2
    for shown in (as_text(result), as_markdown(result)):
        assert "controls" in shown
        assert shown.count("--row") == 1
        assert "Repeat the run" not in shown


def test_a_note_on_where_tables_come_from_is_no_case() -> None:
    made = tables()
    result = gate(made, replace(made, origin=Origin({}, ("scores",), True, True)))
    suite = ElementTree.fromstring(as_junit(result))
    assert len(suite.findall("testcase")) == len(result.tests)
    assert suite.get("skipped") == "0"
    (noted,) = (one.get("value") or "" for one in suite.iter("property"))
    assert "--accept-changed" in noted


def test_a_generated_image_that_moved_is_named_by_a_key_that_explain_takes() -> None:
    made = tables()
    plain = replace(made, images=made.images.assign(path=""))
    other = replace(tables(draw=1), images=plain.images)
    moved = movers(plain, other, ("mim",), count=3)
    moved = moved.assign(image_id=[number * 64 for number in "123"[: len(moved)]])
    text = as_text(gate(plain, other), moved)
    for key in moved["image_id"]:
        assert f" {key[:12]} " in text


def test_documents_are_written_where_nothing_could_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, missing = written(tmp_path / "run", tables()), tmp_path / "missing"
    files = {kind: tmp_path / f"gate.{kind}" for kind in ("markdown", "junit")}
    given = [part for kind, path in files.items() for part in (f"--{kind}", path)]
    assert command(monkeypatch, "gate", missing, folder, *given, "--json") == 2
    printed = capsys.readouterr()
    assert "missing" in printed.err
    told = json.loads(printed.out)
    assert told["exit_code"] == 2
    assert "missing" in told["problems"][0]["message"]
    assert "not comparable" in files["markdown"].read_text()
    assert "missing" in files["markdown"].read_text()
    suite = ElementTree.parse(files["junit"]).getroot()
    assert suite.get("errors") == "1"


def test_wrong_settings_are_no_answer_and_the_documents_say_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, summary = written(tmp_path / "run", tables()), tmp_path / "gate.md"
    (tmp_path / "gate.toml").write_text("margins = 0.02\n")
    for wrong, words in (
        (("--file", tmp_path / "gate.toml"), "margins"),
        (("--row", "mmi"), "mmi"),
        (("--allow", "everything"), "everything"),
    ):
        given = ("gate", folder, folder, *wrong, "--markdown", summary)
        assert command(monkeypatch, *given) == 64
        assert words in capsys.readouterr().err
        assert words in summary.read_text()
        assert command(monkeypatch, *given, "--json") == 64
        assert json.loads(capsys.readouterr().out)["exit_code"] == 64


def test_a_failed_detector_is_named_with_its_reason() -> None:
    made = tables()
    lost = made.fits["detector"] == "vae"
    fits = made.fits.assign(
        status=made.fits["status"].mask(lost, "failed"),
        reason=made.fits["reason"].mask(lost, "out of memory"),
    )
    kept = ~made.scores["fit_id"].isin(made.fits.loc[lost, "fit_id"])
    result = gate(tables(), RunTables(made.scores[kept], fits, made.images))
    assert result.exit_code == 3
    fits = fits.assign(recipe_hash="new")
    changed = gate(tables(), RunTables(made.scores[kept], fits, made.images))
    assert changed.exit_code == 2, "a failed row is not the only reason"
    for text in (as_markdown(result), as_junit(result)):
        assert "vae: out of memory" in text


def test_images_that_moved_have_paths_although_a_compact_reference_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = retrained()
    plain = written(tmp_path / "a", replace(made, images=made.images.assign(path="")))
    other = written(tmp_path / "b", retrained(draw=1))
    summary = tmp_path / "gate.md"
    command(monkeypatch, "gate", plain, other, "--explain", "--markdown", summary)
    assert "acne/0" in summary.read_text() or "mpox/0" in summary.read_text()


def test_images_that_moved_are_not_listed_where_nothing_was_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tables()
    reference = written(tmp_path / "a", made)
    failed = made.fits.assign(status="failed", reason="out of memory")
    crashed = RunTables(made.scores.iloc[:0], failed, made.images)
    for name, candidate, code in (("b", crashed, 3), ("c", tables(draw=1), 2)):
        folder, summary = written(tmp_path / name, candidate), tmp_path / "gate.md"
        given = ("gate", reference, folder, "--explain", "--markdown", summary)
        assert command(monkeypatch, *given) == code
        shown = capsys.readouterr().out
        assert "nothing was compared" in shown
        assert "moved" not in shown + summary.read_text()


def test_only_rows_that_were_compared_have_images_that_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = retrained(mim=Made(0.8)), retrained(draw=1)
    lost = (after.scores["score"] == "cnn") & (after.scores["image_id"] == "acne-000")
    same = before.scores[before.scores["score"] == "vae"]
    scores = after.scores[~lost & (after.scores["score"] != "vae")]
    fits = pd.concat(
        [run.fits[(run.fits["detector"] == "vae") == kept] for run, kept in
         ((before, True), (after, False))]
    )  # fmt: skip
    mixed = RunTables(pd.concat([scores, same]), fits, after.images)
    folders = [written(tmp_path / name, run) for name, run in (("a", before), ("b", mixed))]
    assert command(monkeypatch, "gate", *folders, "--explain", "--allow", "nan", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["verdicts"]) == {"mim", "vae"}
    assert {image["row"] for image in told["moved"]} == {"mim"}


def test_beside_json_the_comparison_stands_on_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "run", tables())
    assert command(monkeypatch, "gate", folder, folder, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["exit_code"] == 0
    assert printed.err.startswith("Gate passed: 3 pass")


def test_markdown_says_all_that_the_terminal_says() -> None:
    before, after = retrained(), retrained(draw=1, mim=Made(0.5))
    result = gate(before, after)
    assert result.verdicts["mim"] == "regression"
    page = as_markdown(result, movers(before, after, ("mim",)))
    (test, *_) = (test for test in result.tests if test.row == "mim")
    (line, *_) = (line for line in page.splitlines() if line.startswith("| regression | mim |"))
    header = next(line for line in page.splitlines() if line.startswith("| verdict |"))
    told = dict(zip(cells(header), cells(line), strict=True))
    assert told["target patients"] == str(test.target_patients)
    assert told["other patients"] == str(test.other_patients)
    assert told["retraining sd"] == f"{test.retraining_sd:.3f}"
    assert told["50 % power at a drop of"] == f"{test.visible:.3f}"
    assert "Largest drops inside mim (unadjusted): category acne +0." in page
    assert "&gt;" not in page


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_level_of_the_intervals_is_that_of_the_test() -> None:
    for alpha, level in ((0.05, "90%"), (0.001, "99.8%")):
        result = gate(retrained(), retrained(draw=1), GateSettings(alpha=alpha))
        assert f"intervals are {level}" in as_text(result)


def test_an_improvement_has_no_p_of_a_drop() -> None:
    result = gate(retrained(mim=Made(0.5)), retrained(draw=1), GateSettings(rows=("mim",)))
    assert [(test.verdict, test.p) for test in result.tests] == [("improvement", 1.0)] * 2
    for shown in (as_text(result), as_markdown(result)):
        assert "1.000" not in shown


def test_retraining_is_not_said_to_be_excluded_where_training_draws_nothing() -> None:
    runs = [tables(draw=draw) for draw in (0, 1)]
    whole = {"fold": "Int64", "seed": "Int64"}
    for fitted_on, excluded in (("mpox", False), ("nothing", True)):
        told = {"fitted_on": fitted_on, "seed": pd.NA}
        steady = [replace(run, fits=run.fits.assign(**told).astype(whole)) for run in runs]
        result = gate(*steady)
        assert len(result.tests) == 6
        assert ("retraining variance excluded" in as_text(result)) == excluded
        assert (" excluded |" in as_markdown(result)) == excluded
        assert (" none |" in as_markdown(result)) != excluded


def test_an_update_makes_the_candidate_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate, reference = written(tmp_path / "run", tables()), tmp_path / "bench" / "reference"
    assert command(monkeypatch, "gate", reference, candidate) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"There is no reference {reference}." in said
    assert "with --update" in said
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"{reference} is new, made from {candidate}" in said
    assert "Not compared" not in said
    assert {path.name for path in reference.iterdir()} == {
        *("scores.parquet", "fits.parquet", "images.parquet", "run.json")
    }
    assert command(monkeypatch, "gate", reference, candidate) in (0, 2)
    better = written(tmp_path / "better", tables(draw=1))
    assert command(monkeypatch, "gate", reference, better, "--update") == 0
    hashes = set(read_tables(reference).fits["state_hash"])
    assert hashes == set(read_tables(better).fits["state_hash"])
    capsys.readouterr()
    assert command(monkeypatch, "gate", candidate, better, "--update") == 64
    assert "more than a reference" in capsys.readouterr().err
    assert set(read_tables(candidate).fits["state_hash"]) != hashes


def test_an_update_warns_of_a_reference_that_no_other_training_can_be_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    once = tables()
    whole = {"fold": "Int64", "seed": "Int64"}
    steady = replace(once, fits=once.fits.assign(seed=pd.NA).astype(whole))
    spreads = "\n".join(f"{row} = {{sd = 0.01}}" for row in ROWS)
    (tmp_path / "gate.toml").write_text(f"[retraining]\n{spreads}\n")
    recorded = ("--file", tmp_path / "gate.toml")
    for name, run, given, warned in (
        ("once", once, (), True),
        ("recorded", once, recorded, False),
        ("thrice", retrained(), (), False),
        ("steady", steady, (), False),
    ):
        folder = written(tmp_path / name, run)
        reference = tmp_path / f"reference-{name}"
        assert command(monkeypatch, "gate", reference, folder, "--update", *given) == 0
        said = capsys.readouterr().err
        assert ("Warning: cnn, mim, vae: too few trainings" in said) == warned, name
        assert ("--seeds 3" in said) == warned


def test_a_question_at_the_end_of_a_problem_has_no_second_stop() -> None:
    error = "Unknown row of the reference 'mmi'. Did you mean mim?"
    result = not_compared(error, GateSettings(), settings_wrong=True)
    for shown in (as_text(result), as_markdown(result)):
        assert "Did you mean mim?\n" in shown
    assert "It is gone.\n" in as_text(not_compared("It is gone.", GateSettings()))


def test_an_update_keeps_the_rows_that_the_reference_has_and_loses_none_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = tmp_path / "reference"
    whole = written(tmp_path / "whole", tables())
    assert command(monkeypatch, "gate", reference, whole, "--update") == 0
    fewer = made_tables({"mim": Made(0.8)}, images=IMAGES, draw=1)
    candidate = written(tmp_path / "run", fewer)
    before = {path.name: path.read_bytes() for path in reference.iterdir()}
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 64
    said = capsys.readouterr().err
    assert "rows cnn and vae" in said
    assert "--allow missing-row" in said
    assert {path.name: path.read_bytes() for path in reference.iterdir()} == before
    allowed = ("gate", reference, candidate, "--update", "--allow", "missing-row")
    assert command(monkeypatch, *allowed) == 0
    assert set(read_tables(reference).scores["score"]) == {"mim"}


def test_an_update_keeps_rows_that_are_no_headline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, reference = tmp_path / "run", tmp_path / "reference"
    written(candidate, made_tables({"mim/ssim": Made(0.8), "mim/l1": Made(0.7)}, images=IMAGES))
    info = json.loads((candidate / "run.json").read_text())
    del info["digest"]
    detectors = [{"name": "mim", "headline": ["ssim"]}]
    write_sealed(candidate / "run.json", {**info, "detectors": detectors})
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 0
    assert set(read_tables(reference).scores["score"]) == {"mim/ssim"}
    given = ("gate", reference, candidate, "--update", "--row", "mim/l1")
    assert command(monkeypatch, *given) == 0
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 0
    assert set(read_tables(reference).scores["score"]) == {"mim/ssim", "mim/l1"}
    assert command(monkeypatch, *given[:-1], "mim/l2") == 64, "neither has it"


def test_an_update_makes_the_leaderboard_beside_the_reference_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, reference = written(tmp_path / "run", tables()), tmp_path / "reference"
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 0
    files = [reference / f"leaderboard.{kind}" for kind in ("csv", "md")]
    for file in files:
        file.write_text("of an older reference")
    better = written(tmp_path / "better", tables(vae=Made(0.95)))
    assert command(monkeypatch, "gate", reference, better, "--update") == 0
    assert all("vae" in file.read_text() for file in files)
    assert not (reference / "leaderboard.tex").exists(), "what was not there is not made"


def test_an_update_by_a_damaged_candidate_leaves_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reference of three tables alone, as a repository keeps it."""
    candidate = written(tmp_path / "run", tables())
    reference = tmp_path / "reference"
    reference.mkdir()
    for name in ("scores", "fits", "images"):
        shutil.copyfile(candidate / f"{name}.parquet", reference / f"{name}.parquet")
    before = {path.name: path.read_bytes() for path in reference.iterdir()}
    (candidate / "scores.parquet").write_bytes(b"no table")
    assert command(monkeypatch, "gate", reference, candidate) == 2
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 64
    assert "scores.parquet" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in reference.iterdir()} == before
