"""What was changed after a run wrote it is not believed, and says so where it is accepted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_tables import Made, made_tables
from synthetic_run import write_synthetic_run
from tampering import reseal, restamp

from mimbench.claims import read_claims, verify, write_verdicts
from mimbench.cli import main
from mimbench.errors import MimbenchError, TableError
from mimbench.gate import gate, movers
from mimbench.report import write_report
from mimbench.runfolder.compact import write_compact
from mimbench.runfolder.history import read_attempts
from mimbench.runfolder.reading import read_run
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import ABOUT, RunTables, write_table

ROWS = {"mim": Made(0.9), "harmonic": Made(0.6, control=True)}
JUDGED = ("report", "verify", "subgroups --by skin_tone", "gate", "score")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with verdicts."""
    folder = write_synthetic_run(tmp_path_factory.mktemp("made") / "run", made_tables(ROWS))
    tables = read_tables(folder)
    claims = read_claims("mim-paper")
    write_verdicts(verify(tables, claims), folder, tables, claims)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def command(line: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    name, *more = line.split()
    others = [str(run)] if name in ("gate", "score") else []
    monkeypatch.setattr("sys.argv", ["mimbench", name, str(run), *others, *more])
    return main()


def edit_scores(run: Path) -> None:
    """One score becomes another one, as an editor would leave the file."""
    path = run / "scores.parquet"
    scores = pd.read_parquet(path)
    scores.loc[0, "value"] += 1.0
    write_table(scores, path)


@pytest.mark.parametrize("line", JUDGED)
def test_a_table_that_is_not_the_recorded_one_stops_every_command(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    edit_scores(run)
    kept = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert command(line, run, monkeypatch) == (2 if line.startswith("gate") else 64)
    said = " ".join(capsys.readouterr().err.split())
    assert "scores.parquet is not what the run recorded" in said
    assert "--accept-changed" in said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == kept


def test_an_accepted_change_is_said_by_the_page_and_in_every_output(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_scores(run)
    for line in ("report", "verify", "gate"):
        assert command(f"{line} --accept-changed", run, monkeypatch) == 0
        assert "scores.parquet" in capsys.readouterr().out, line
    page = (run / "index.html").read_text()
    assert "Changed since the run recorded them: scores.parquet" in page
    assert "scores.parquet" in (run / "leaderboard.md").read_text()
    sums = read_tables(run, accept_changed=True).origin.checksums
    assert sums["scores"] in page, "the page names the tables that it was made from"


def test_what_is_joined_to_changed_tables_still_says_so(run: Path, tmp_path: Path) -> None:
    from mimbench.runfolder.added_rows import add_rows

    edit_scores(run)
    images = read_tables(run, accept_changed=True).images
    theirs = tmp_path / "theirs.csv"
    pd.DataFrame({"image_id": images["image_id"], "value": 0.5}).to_csv(theirs, index=False)
    with pytest.raises(TableError, match=r"scores\.parquet"):
        add_rows(run, [theirs])
    out, _ = add_rows(run, [theirs], accept_changed=True)
    assert any("scores.parquet" in doubt for doubt in read_run(out).doubts)


def test_tables_of_another_program_are_read_and_called_unrecorded(
    run: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for name in ("scores", "fits", "images"):
        pd.read_parquet(run / f"{name}.parquet").to_parquet(foreign / f"{name}.parquet")
    found = read_run(foreign)
    assert not found.tables.origin.recorded
    assert any("SHA-256" in doubt for doubt in found.doubts)
    assert read_run(run).doubts == ()
    result = gate(read_tables(run), read_tables(foreign))
    (problem,) = result.problems
    assert problem.message.startswith("candidate: no run recorded")
    assert problem.allowed
    assert result.exit_code == 0


@pytest.mark.parametrize("name", ["run.json", "rejected.csv"])
def test_a_record_or_list_that_was_edited_is_named(run: Path, name: str) -> None:
    path = run / name
    path.write_text(path.read_text().replace("synthetic", "sYnthetic").replace("JPEG", "jpeg"))
    with pytest.raises(TableError, match=name):
        read_run(run)
    assert name in read_run(run, accept_changed=True).changed


def test_verdicts_stand_only_beside_the_tables_that_they_judge(run: Path) -> None:
    assert 'id="verdicts"' in write_report(run).page.read_text()
    whole = (run / "verdicts.json").read_text()
    (run / "verdicts.json").write_text(whole.replace("refuted", "supported") + "\n")
    page = write_report(run).page.read_text()
    assert 'id="verdicts"' not in page
    assert "verdicts.json was changed" in page
    assert "mimbench verify" in page

    (run / "verdicts.json").write_text(whole)
    tables = read_tables(run)
    RunTables(
        tables.scores.assign(value=-tables.scores["value"]), tables.fits, tables.images
    ).write(run)
    restamp(run)
    page = write_report(run).page.read_text()
    assert 'id="verdicts"' not in page
    assert "verdicts.json was made from other tables" in page


def test_a_damaged_record_of_starts_gives_no_times_and_says_so(run: Path) -> None:
    path = run / "starts.json"
    assert len(read_attempts(run)) == 2
    path.write_text(path.read_text().replace("61.5", "71.5"))
    assert read_attempts(run) == []
    assert any("starts.json" in doubt for doubt in read_run(run).doubts)


def test_a_record_without_the_digest_that_it_should_carry_is_doubted_everywhere(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_scores(run)
    restamp(run)
    record = json.loads((run / "run.json").read_text())
    del record["digest"]
    (run / "run.json").write_text(json.dumps(record))
    assert any("run.json carries no digest" in doubt for doubt in read_run(run).doubts)
    for line in ("report", "verify", "gate"):
        assert command(line, run, monkeypatch) == 0
        assert "run.json carries no digest" in " ".join(capsys.readouterr().out.split()), line


def test_records_of_before_digests_are_read_as_they_are(run: Path) -> None:
    for name in ("scores", "fits", "images"):
        path = run / f"{name}.parquet"
        old = pq.read_table(path).replace_schema_metadata({ABOUT: b'{"schema_version": 2}'})
        pq.write_table(old, path)
    restamp(run)
    for name in ("run.json", "starts.json"):
        record = json.loads((run / name).read_text())
        del record["digest"]
        (run / name).write_text(json.dumps(record if name == "run.json" else record["starts"]))
    found = read_run(run)
    assert not any("digest" in doubt for doubt in found.doubts)
    assert len(found.attempts) == 2


def test_a_page_of_a_table_has_a_checksum_that_is_looked_at(run: Path) -> None:
    """Also where no record has a digest: of the bits that hold values, none can flip unnoticed."""
    (run / "run.json").unlink()
    path = run / "scores.parquet"
    content = bytearray(path.read_bytes())
    values = pq.ParquetFile(path).metadata.row_group(0).column(5)
    assert values.path_in_schema == "value"
    begin, size = values.dictionary_page_offset, values.total_compressed_size
    for place in range(begin + size // 4, begin + size // 2, size // 20):
        content[place] ^= 1
        path.write_bytes(bytes(content))
        content[place] ^= 1
        with pytest.raises(TableError, match=r"scores\.parquet"):
            read_tables(run)


def test_a_compact_form_is_not_made_of_changed_tables(run: Path, tmp_path: Path) -> None:
    edit_scores(run)
    with pytest.raises(TableError, match=r"scores\.parquet"):
        write_compact(run, tmp_path / "small")


def column(name: str, values: Callable[[pa.Table], pa.Array]) -> Callable[[pa.Table], pa.Table]:
    def changed(table: pa.Table) -> pa.Table:
        return table.set_column(table.column_names.index(name), name, values(table))

    return changed


def constant(value: object, kind: pa.DataType | None = None) -> Callable[[pa.Table], pa.Array]:
    return lambda table: pa.array([value] * len(table), kind)


WRONG = {
    "text in value": ("scores", column("value", constant("high")), "column value"),
    "lists in value": ("scores", column("value", constant([1.0])), "column value"),
    "no value": ("scores", lambda t: t.drop_columns(["value"]), "no column 'value'"),
    "value twice": ("scores", lambda t: t.append_column("value", t["value"]), "two columns"),
    "a severity of 300": ("scores", column("severity", constant(300)), "300"),
    "half a severity": ("scores", column("severity", constant(0.5)), "column severity"),
    "missing names": ("scores", column("score", constant(None, pa.string())), "column score"),
    "empty names": ("scores", column("score", constant("")), "column score"),
    "bytes for a name": ("scores", column("score", constant(b"mim")), "column score"),
    "invalid UTF-8": (
        "scores",
        column("score", lambda t: pa.array([b"\xff\xfe"] * len(t)).view(pa.string())),
        "damaged",
    ),
    "a negative fold": ("fits", column("fold", constant(-3)), "column fold"),
    "a fold too many": ("fits", column("fold", constant(7)), "fold 7"),
    "a text as control": ("fits", column("control", constant("no")), "column control"),
    "another status": ("fits", column("status", constant("fine")), "'fine' is none of ok"),
    "endless seconds": ("fits", column("seconds", constant(-1.0)), "column seconds"),
    "versions that are no JSON": ("fits", column("versions", constant("{")), "JSON object"),
    "versions in a list": ("fits", column("versions", constant("[1]")), "JSON object"),
    "deep versions": ("fits", column("versions", constant("[" * 10**5)), "JSON object"),
    "a quality of text": (
        "fits",
        lambda t: t.append_column("quality", constant('{"ece": "x"}')(t)),
        "'ece'",
    ),
    "an unknown role": ("images", column("role", constant("friend")), "'friend' is none of"),
    "an unknown part": ("images", column("split_0", constant("exam")), "'exam' is none of"),
    "a column of structures": (
        "images",
        lambda t: t.append_column("site", constant({"a": 1})(t)),
        "column site",
    ),
    "schema version as text": (
        "fits",
        lambda t: t.replace_schema_metadata({b"mimbench": b'{"schema_version": "2"}'}),
        "schema version",
    ),
    "schema version zero": (
        "fits",
        lambda t: t.replace_schema_metadata({b"mimbench": b'{"schema_version": 0}'}),
        "schema version",
    ),
    "no schema version": (
        "fits",
        lambda t: t.replace_schema_metadata({b"mimbench": b"[]"}),
        "schema version",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_table_of_the_wrong_form_is_one_sentence_even_where_its_digest_fits(
    run: Path, case: str
) -> None:
    name, change, words = WRONG[case]
    path = run / f"{name}.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    restamp(run)
    with pytest.raises(MimbenchError, match=words) as error:
        gate(read_tables(run), read_tables(run))
    assert "\n" not in str(error.value)


def test_other_programs_may_write_the_same_in_other_types(run: Path) -> None:
    before = read_tables(run)
    for name, types in {
        "scores": {"severity": pa.int64(), "value": pa.float32()},
        "fits": {"fold": pa.float64(), "input_size": pa.int16()},
    }.items():
        path = run / f"{name}.parquet"
        table = pq.read_table(path).replace_schema_metadata(None)
        for column_name, kind in types.items():
            place = table.column_names.index(column_name)
            table = table.set_column(place, column_name, table[column_name].cast(kind))
        place = table.column_names.index("fit_id")
        table = table.set_column(place, "fit_id", table["fit_id"].dictionary_encode())
        pq.write_table(table, path)
    restamp(run)
    after = read_tables(run)
    pd.testing.assert_frame_equal(after.fits, before.fits)
    assert np.allclose(after.scores["value"], before.scores["value"], atol=1e-6)
    assert after.scores.dtypes.equals(before.scores.dtypes)


def test_a_digest_that_fits_what_is_no_record_of_a_run_is_one_sentence(run: Path) -> None:
    for content in ("[]", "{", "null", '{"checksums": {"scores": "x"}}', "[" * 10**5):
        (run / "run.json").write_text(content)
        with pytest.raises(TableError, match=r"run\.json"):
            read_tables(run)
    shutil.rmtree(run)
    with pytest.raises(TableError, match="does not exist"):
        read_tables(run)


def test_a_record_whose_fields_have_other_types_is_one_sentence(run: Path) -> None:
    whole = (run / "run.json").read_text()
    for key, value in {
        "run": ["x"], "detectors": {"a": 1}, "canonical_size": "big", "files": 3, "changed": 4,
        "notes": 5, "environment": [], "name": {"a": 1},
    }.items():  # fmt: skip
        (run / "run.json").write_text(whole)
        reseal(run / "run.json", lambda record, k=key, v=value: record.update({k: v}))
        with pytest.raises(MimbenchError, match=key):
            read_run(run)


def test_a_column_of_the_user_is_no_fold(run: Path) -> None:
    tables = read_tables(run)
    images = tables.images.assign(split_site="north")
    RunTables(tables.scores.assign(split_9="test"), tables.fits, images).write(run)
    restamp(run)
    found = read_tables(run)
    assert found.folds == tables.folds
    assert len(movers(found, found, ("mim",))) == len(movers(tables, tables, ("mim",)))


def test_a_gap_in_the_folds_is_named(run: Path) -> None:
    tables = read_tables(run)
    images = tables.images.rename(columns={"split_0": "split_1"})
    RunTables(tables.scores, tables.fits, images).write(run)
    restamp(run)
    with pytest.raises(TableError, match="no column 'split_0'"):
        read_tables(run)


def test_a_run_of_which_everything_failed_has_a_report(run: Path) -> None:
    tables = read_tables(run)
    fits = tables.fits.assign(status="failed", reason="out of memory")
    RunTables(tables.scores.head(0), fits, tables.images).write(run)
    restamp(run)
    assert "out of memory" in write_report(run).page.read_text()


def test_a_control_that_failed_is_compared_with_nothing(run: Path) -> None:
    tables = read_tables(run)
    scores = tables.scores[tables.scores["score"] != "harmonic"]
    RunTables(scores, tables.fits, tables.images).write(run)
    restamp(run)
    report = write_report(run)
    assert report.board.entry("mim").over_control == {}
