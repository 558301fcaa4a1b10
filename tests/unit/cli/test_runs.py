"""Runs on disk are listed, kept in small, and cleaned of what their tables do not refer to."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tampering import reseal, restamp

from mimbench.cli.runs import clean
from mimbench.errors import OutputError
from mimbench.files import file_hash
from mimbench.progress import Silent
from mimbench.report.leaderboard.formats import leaderboard_frame
from mimbench.report.results import compute_results
from mimbench.runfolder.cleanup import find_runs, leftovers, remove
from mimbench.runfolder.compact import write_compact
from mimbench.runfolder.lock import locked
from mimbench.runfolder.reading import read_run
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables


@pytest.fixture
def runs(finished_run: Path, tmp_path: Path) -> Path:
    """Folder with the runs `small` (finished), `stopped` (killed while scoring), `broken`."""
    place = tmp_path / "runs"
    for name in ("small", "stopped", "broken"):
        shutil.copytree(finished_run, place / name)
    reseal(place / "stopped" / "starts.json", lambda record: record["starts"][-1].pop("finished"))
    next((place / "stopped" / "blocks").rglob("*.parquet")).unlink()
    (place / "broken" / "scores.parquet").write_bytes(b"PAR1")
    return place


def test_the_list_says_what_is_finished_how_far_the_rest_is_and_what_is_unreadable(
    runs: Path,
) -> None:
    found = {run.folder.name: run for run in find_runs(runs)}
    assert {name: run.state for name, run in found.items()} == {
        "small": "finished",
        "stopped": "unfinished",
        "broken": "unreadable",
    }
    fits = len(read_tables(runs / "small").fits)
    stopped = f"{fits} of {fits} trained models, {fits - 1} of {fits} blocks of scores"
    assert found["stopped"].detail == stopped
    assert found["small"].command == "mimbench run small.toml"
    everything = sum(p.stat().st_size for p in (runs / "small").rglob("*") if p.is_file())
    assert found["small"].size == everything
    assert [run.folder for run in find_runs(runs / "small")] == [runs / "small"]


def test_a_single_fit_is_no_plural(runs: Path) -> None:
    path = runs / "small" / "fits.parquet"
    fits = len(read_tables(runs / "small").fits)
    assert find_runs(runs / "small")[0].detail == f"{fits} trained models"
    pd.read_parquet(path).iloc[:1].to_parquet(path)
    restamp(path.parent)
    assert find_runs(runs / "small")[0].detail == "1 trained model"


def test_only_what_the_tables_do_not_refer_to_is_removed(runs: Path) -> None:
    run = runs / "small"
    kept = {path: file_hash(path) for path in run.rglob("*") if path.is_file()}
    assert leftovers(run) == []

    fit = next((run / "fits").glob("*.json"))
    block = next((run / "blocks" / fit.stem).glob("*.parquet"))
    others = next(p for p in (run / "blocks").rglob("*.parquet") if p.parent != block.parent)
    other_fit = run / "fits" / f"{'0' * 16}.json"
    stale = {
        other_fit: fit,
        other_fit.with_suffix(".safetensors"): fit.with_suffix(".safetensors"),
        run / "fits" / f"{'0' * 16}.checkpoint.safetensors": fit.with_suffix(".safetensors"),
        run / "blocks" / ("0" * 16) / block.name: block,
        run / "scores.parquet.1.partial": block,
    }
    (run / "blocks" / ("0" * 16)).mkdir()
    for path, content in stale.items():
        shutil.copy(content, path)
    # of a fit that the tables do name, but with numbers that are not theirs
    wrong = block.with_name(f"{'0' * 24}.parquet")
    shutil.copy(others, wrong)

    found = leftovers(run)
    named = {path for leftover in found for path in leftover.paths}
    assert named == {*stale, wrong}
    assert all(path.exists() for path in named), "nothing is removed by looking"
    remove(found)
    assert {path: file_hash(path) for path in run.rglob("*") if path.is_file()} == kept


def test_an_unfinished_run_is_not_cleaned_since_it_will_go_on(runs: Path) -> None:
    with pytest.raises(OutputError, match="unfinished"):
        leftovers(runs / "stopped")


def test_a_run_at_work_is_not_cleaned(runs: Path) -> None:
    stale = runs / "small" / "fits" / f"{'0' * 16}.json"
    stale.write_text("{}")
    with locked(runs / "small"), pytest.raises(OutputError, match="at work"):
        clean(runs / "small", yes=True)
    assert stale.exists()
    clean(runs / "small", yes=True)
    assert not stale.exists()


def test_the_compact_form_gives_the_same_report_without_paths(
    finished_run: Path, tmp_path: Path
) -> None:
    size = write_compact(finished_run, tmp_path / "small").size
    assert size == sum(path.stat().st_size for path in (tmp_path / "small").iterdir())
    whole, small = read_run(finished_run), read_run(tmp_path / "small")
    boards = [leaderboard_frame(compute_results(run, Silent()).board) for run in (whole, small)]
    pd.testing.assert_frame_equal(*boards, rtol=1e-6)
    assert set(small.tables.images["path"]) == {""}
    assert small.info.command == whole.info.command
    assert list(small.detectors) == list(whole.detectors)
    for path in (tmp_path / "small").iterdir():
        assert str(tmp_path.parent).encode() not in path.read_bytes(), path
    keys = ["fit_id", "score", "corruption", "severity", "image_id"]
    both = whole.tables.scores.merge(small.tables.scores, on=keys, validate="1:1")
    assert len(both) == len(small.tables.scores) == len(whole.tables.scores)
    assert (both["value_y"] == both["value_x"].astype(np.float32)).all()
    with pytest.raises(OutputError, match="not empty"):
        write_compact(finished_run, tmp_path / "small")


def test_a_compact_form_that_could_not_be_finished_does_not_stand_in_its_own_way(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> str:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("mimbench.runfolder.compact.checksums", broken)
        with pytest.raises(OutputError, match="Input/output error"):
            write_compact(finished_run, tmp_path / "small")
    assert write_compact(finished_run, tmp_path / "small").size > 0


def test_the_compact_form_keeps_no_column_of_the_user_and_loses_no_order(
    finished_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    tables = read_tables(run)
    close = tables.scores["score"] == "histogram"
    values = tables.scores["value"].where(~close, 1 - 1e-9 * np.arange(len(close)))
    named = tables.images.assign(patient_name="Jane")
    RunTables(tables.scores.assign(value=values), tables.fits, named).write(run)
    restamp(run)
    write_compact(run, tmp_path / "small")
    small = read_tables(tmp_path / "small")
    assert "patient_name" not in small.images
    kept = small.scores[small.scores["score"] == "histogram"]
    assert kept["value"].nunique() == close.sum()


def test_the_compact_form_keeps_what_a_line_in_a_headline_row_was_fitted_on(
    finished_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")

    def change(record: dict[str, Any]) -> None:
        for detector in record["detectors"]:
            if detector["name"] == "Brightness":
                detector["headline"] = ["residual"]

    reseal(run / "run.json", change)
    tables = read_tables(run)
    own = tables.scores[tables.scores["score"] == "Brightness"]
    names = ("Brightness/residual", "Brightness/untrained")
    scores = pd.concat([own.assign(score=name) for name in names])
    lines = '{"Brightness/residual": "Brightness/untrained"}'
    for said, kept in (("{}", names[:1]), (lines, names)):
        RunTables(scores, tables.fits.assign(lines=said), tables.images).write(run)
        restamp(run)
        write_compact(run, tmp_path / str(len(kept)))
        assert set(read_tables(tmp_path / str(len(kept))).scores["score"]) == set(kept)


def test_the_compact_form_leaves_out_what_does_not_speak_for_a_detector(
    finished_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")

    def change(record: dict[str, Any]) -> None:
        for detector in record["detectors"]:
            if detector["name"] != "histogram":
                detector["headline"] = ["no such score"]

    reseal(run / "run.json", change)
    write_compact(run, tmp_path / "small", clean_only=True)
    small = read_tables(tmp_path / "small")
    assert set(small.scores["score"]) == {"histogram"}
    assert set(small.scores["corruption"]) == {"clean"}
    assert len(small.fits) == len(read_tables(run).fits)
