"""What a CI server gets: documents in every case, with the reason, the row and readable images."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from made_tables import Made, made_images, made_tables
from synthetic_run import RUN_INFO, write_synthetic_run

from mimbench.cli import main
from mimbench.files import file_hash
from mimbench.gate import as_junit, as_markdown, as_text, gate
from mimbench.scores.digests import write_sealed
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables, checksums

IMAGES = made_images({"mpox": ("target", "clinic", 60), "acne": ("unknown", "clinic", 60)})
ROWS = {"mim": Made(0.8), "cnn": Made(0.7), "vae": Made(0.6)}


def tables(draw: int = 0, **rows: Made) -> RunTables:
    return made_tables({**ROWS, **rows}, images=IMAGES, draw=draw)


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


def test_a_failed_detector_is_named_with_its_reason() -> None:
    made = tables()
    lost = made.fits["detector"] == "vae"
    fits = made.fits.assign(
        status=made.fits["status"].mask(lost, "failed"),
        reason=made.fits["reason"].mask(lost, "out of memory"),
    )
    kept = ~made.scores["fit_id"].isin(made.fits.loc[lost, "fit_id"])
    result = gate(tables(), RunTables(made.scores[kept], fits, made.images))
    assert result.exit_code == 2
    for text in (as_markdown(result), as_junit(result)):
        assert "vae: out of memory" in text


def test_images_that_moved_have_paths_although_a_compact_reference_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tables()
    plain = written(tmp_path / "a", replace(made, images=made.images.assign(path="")))
    other = written(tmp_path / "b", tables(draw=1))
    summary = tmp_path / "gate.md"
    command(monkeypatch, "gate", plain, other, "--explain", "--markdown", summary)
    assert "acne/0" in summary.read_text() or "mpox/0" in summary.read_text()


def test_an_update_makes_the_candidate_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate, reference = written(tmp_path / "run", tables()), tmp_path / "bench" / "reference"
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 0
    assert {path.name for path in reference.iterdir()} == {
        *("scores.parquet", "fits.parquet", "images.parquet", "run.json")
    }
    assert command(monkeypatch, "gate", reference, candidate) in (0, 2)
    better = written(tmp_path / "better", tables(draw=1))
    assert command(monkeypatch, "gate", reference, better, "--update") == 0
    hashes = set(read_tables(reference).fits["state_hash"])
    assert hashes == set(read_tables(better).fits["state_hash"])
    capsys.readouterr()
    assert command(monkeypatch, "gate", candidate, better, "--update") == 2
    assert "more than a reference" in capsys.readouterr().err
    assert set(read_tables(candidate).fits["state_hash"]) != hashes


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
    assert command(monkeypatch, "gate", reference, candidate, "--update") == 2
    assert "scores.parquet" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in reference.iterdir()} == before
