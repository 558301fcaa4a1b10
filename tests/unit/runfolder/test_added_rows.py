"""Rows made elsewhere stand beside a run's own on the same terms, and never in its place."""

from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import write_synthetic_run

from mimbench.claims import read_claims, verify
from mimbench.errors import MimbenchError, OutputError, TableError
from mimbench.gate import GateSettings, gate
from mimbench.report import Report, write_report
from mimbench.runfolder.added_rows import add_rows, read_added
from mimbench.runfolder.derived import write_derived
from mimbench.runfolder.reading import read_run
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

TABLES = ("scores.parquet", "fits.parquet", "images.parquet")


@pytest.fixture(scope="module")
def clean(tables: RunTables) -> RunTables:
    scores = tables.scores[tables.scores["corruption"] == "clean"]
    return RunTables(scores, tables.fits, tables.images)


@pytest.fixture(scope="module")
def run(clean: RunTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic_run(tmp_path_factory.mktemp("run") / "mine", clean)


@pytest.fixture(scope="module")
def added(clean: RunTables, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A run with a classifier's and a control's scores brought back, the latter inverted."""
    folder = tmp_path_factory.mktemp("theirs")
    own_of(clean, "resnet18/posterior").to_csv(folder / "theirs.csv", index=False)
    control = own_of(clean, "harmonic").drop(columns=["fold", "corruption", "severity", "image_id"])
    control.assign(value=-control["value"]).to_csv(folder / "inverted.csv", index=False)
    before = [(run / name).read_bytes() for name in TABLES]
    out, _ = add_rows(run, [folder / "theirs.csv", folder / "inverted.csv"])
    assert [(run / name).read_bytes() for name in TABLES] == before
    return write_report(out)


def own_of(tables: RunTables, row: str) -> pd.DataFrame:
    """A row of the run as another program would write it."""
    own = tables.scores[tables.scores["score"] == row]
    own = own.merge(tables.fits[["fit_id", "fold"]], on="fit_id")
    own = own.merge(tables.images[["image_id", "path"]], on="image_id")
    return own[["image_id", "path", "corruption", "severity", "fold", "value"]]


def test_equal_scores_give_equal_numbers_thresholds_included(added: Report) -> None:
    for table in (added.results.metrics, added.results.operating):
        own, theirs = (
            table[table["row"] == row].drop(columns=["row", "detector"]).reset_index(drop=True)
            for row in ("resnet18/posterior", "theirs")
        )
        assert len(own) > 0
        pd.testing.assert_frame_equal(own, theirs)


def test_a_row_without_folds_serves_all_and_one_that_points_the_wrong_way_stays_so(
    added: Report,
) -> None:
    group = added.board.primary
    own, theirs = (added.board.entry(row).cell(group, "auroc") for row in ("harmonic", "inverted"))
    assert own is not None
    assert theirs is not None
    assert theirs.value == pytest.approx(1 - own.value)
    assert theirs.n_fits == own.n_fits


def test_the_report_says_where_rows_come_from_and_what_looks_inverted(added: Report) -> None:
    page = added.page.read_text(encoding="utf-8")
    assert page.count('class="badge">made elsewhere') == 2
    digest = added.run.info.added[0].sha256[:12]
    assert f"theirs.csv, SHA-256 {digest}. That no fit behind it saw the test images of its" in page
    assert "inverted was made elsewhere and lies below 0.5 in every group" in page
    assert "theirs was made elsewhere and lies" not in page
    assert "**theirs (made elsewhere)**" in (added.folder / "leaderboard.md").read_text()


def test_the_run_stays_as_it_was(
    clean: RunTables, run: Path, added: Report, tmp_path: Path
) -> None:
    assert added.folder == run / "added"
    fresh = write_synthetic_run(tmp_path / "fresh", clean)
    names = [{path.name for path in folder.iterdir()} for folder in (run, fresh)]
    assert names[0] == names[1] | {"added"}
    assert "theirs" not in read_run(run).detectors


def test_claims_and_the_gate_take_added_rows(added: Report, tmp_path: Path) -> None:
    tables = read_tables(added.folder)
    (tmp_path / "claims.toml").write_text(
        'name = "mine"\n[[claim]]\nid = "theirs"\nstatement = "Theirs beats chance."\n'
        'kind = "at_least"\nrows = ["theirs"]\nbound = 0.6\nrole = "unknown"\n'
    )
    (verdict,) = verify(tables, read_claims(str(tmp_path / "claims.toml")))
    assert (verdict.row, verdict.verdict) == ("theirs", "inconclusive")
    assert "are needed: with fewer" in verdict.explanation
    assert gate(tables, tables, GateSettings(rows=("theirs",))).exit_code == 0


def test_adding_again_replaces_what_was_added(clean: RunTables, tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", clean)
    for name in ("first", "second"):
        own_of(clean, "harmonic").drop(columns="fold").to_csv(tmp_path / f"{name}.csv", index=False)
        out, notes = add_rows(run, [tmp_path / f"{name}.csv"])
        write_derived(pd.DataFrame({"of": ["these"]}), out / "verdicts.csv", read_tables(out))
        assert notes == ()
    out, _ = add_rows(run, [tmp_path / "first.csv"])
    assert {"first"} == set(read_tables(out).fits["detector"]) - set(clean.fits["detector"])
    assert not (out / "verdicts.csv").exists()


def with_value(table: pd.DataFrame, value: object) -> pd.DataFrame:
    return table.astype({"value": object}).assign(value=[value, *table["value"].iloc[1:]])


CASES = {
    "a nan": (
        lambda t: with_value(t, "nan"),
        "finite numbers .1 of 659., first in line 2: 'nan'",
    ),
    "a word": (
        lambda t: with_value(t, "high"),
        "numbers .1 of 659., first in line 2: 'high'",
    ),
    "an infinity": (lambda t: with_value(t, "-inf"), "not finite"),
    "no value": (lambda t: t.drop(columns="value"), "needs 'value' .*'image_id' or 'path'"),
    "a wrong column": (lambda t: t.rename(columns={"fold": "flod"}), "Did you mean fold"),
    "nothing": (lambda t: t.head(0), "has no rows"),
    "a stranger": (lambda t: t.assign(image_id=["x", *t["image_id"][1:]]), "line 2: image_id 'x'"),
    "twice": (lambda t: pd.concat([t, t.tail(1)]), "has a second score under clean 0"),
    "a hole": (lambda t: t[t["image_id"] != t["image_id"].iloc[-1]], "lacks 1 of .* test images"),
    "a strange condition": (lambda t: t.assign(severity=2), "under clean 2, which the run has not"),
    "half a severity": (lambda t: t.assign(severity=0.5), "severity '0.5' is not a whole number"),
    "an endless fold": (lambda t: t.assign(fold="inf"), "fold 'inf' is not a whole number"),
    "a strange fold": (lambda t: t.assign(fold=t["fold"] + 1), "folds are 0 to 2"),
    "a fold less": (lambda t: t[t["fold"] > 0], "no scores of fold 0"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_does_not_fit_is_refused_and_says_where(
    clean: RunTables, tmp_path: Path, case: str
) -> None:
    change, message = CASES[case]
    path = tmp_path / "theirs.csv"
    change(own_of(clean, "resnet18/posterior").drop(columns="path")).to_csv(path, index=False)
    with pytest.raises(MimbenchError, match=message):
        read_added(path, clean)


def _lines(table: pd.DataFrame, end: str, separator: str = ",") -> str:
    """The table as CSV, every line but the header with something at its end."""
    header, *rows = table.to_csv(index=False, sep=separator).splitlines()
    return "\n".join([header, *(row + end for row in rows)])


SPELLINGS = {
    "delimiters at the ends of lines": lambda t: _lines(t, ",,").encode(),
    "semicolons and decimal commas": lambda t: t.to_csv(sep=";", decimal=",", index=False).encode(),
    "decimal commas in quotes": lambda t: (
        t.assign(value=t["value"].map(lambda value: repr(value).replace(".", ",")))
        .to_csv(index=False)
        .encode()
    ),
    "an index": lambda t: t.to_csv().encode(),
    "an index without a header": lambda t: t.to_csv().encode()[1:],
    "a byte order mark": lambda t: t.to_csv(index=False).encode("utf-8-sig"),
    "UTF-16 and tabs": lambda t: t.to_csv(index=False, sep="\t").encode("utf-16"),
    "blank lines": lambda t: t.to_csv(index=False).replace("\n", "\n\n").encode(),
    "capitals and spaces": lambda t: (
        t.rename(columns={"image_id": "Image_ID ", "value": " Value"}).to_csv(index=False).encode()
    ),
    "paths with other slashes": lambda t: (
        t.assign(path=t["path"].str.replace("/", "\\"))
        .drop(columns="image_id")
        .to_csv(index=False)
        .encode()
    ),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_one_table_give_the_same_scores(spell, clean: RunTables, tmp_path: Path):
    table = own_of(clean, "resnet18/posterior").reset_index(drop=True)
    table.drop(columns="path").to_csv(tmp_path / "theirs.csv", index=False)
    plain = read_added(tmp_path / "theirs.csv", clean)
    with_path = "paths" in next(name for name, other in SPELLINGS.items() if other is spell)
    (tmp_path / "theirs.csv").write_bytes(spell(table if with_path else table.drop(columns="path")))
    written = read_added(tmp_path / "theirs.csv", clean)
    pd.testing.assert_frame_equal(
        written.scores.drop(columns="fit_id"), plain.scores.drop(columns="fit_id")
    )


def test_lines_of_a_message_are_those_of_the_file(clean: RunTables, tmp_path: Path) -> None:
    table = own_of(clean, "resnet18/posterior").drop(columns="path")
    text = table.to_csv(index=False).replace("\n", "\n\n")
    (tmp_path / "theirs.csv").write_text(text + f"{table['image_id'].iloc[0]},clean,0,0,high\n")
    with pytest.raises(TableError, match=f"line {2 * len(table) + 3}: 'high'"):
        read_added(tmp_path / "theirs.csv", clean)


def test_a_column_twice_is_refused(clean: RunTables, tmp_path: Path) -> None:
    table = own_of(clean, "resnet18/posterior").drop(columns="path")
    pd.concat([table, -table[["value"]]], axis=1).to_csv(tmp_path / "theirs.csv", index=False)
    with pytest.raises(TableError, match="two columns called 'value'"):
        read_added(tmp_path / "theirs.csv", clean)


def test_files_and_names_that_cannot_be_are_refused(clean: RunTables, tmp_path: Path) -> None:
    (tmp_path / "mim.csv").write_text("image_id,value\n")
    (tmp_path / "my scores.csv").write_text("image_id,value\n")
    (tmp_path / "image.csv").write_bytes(bytes(range(256)))
    for name, message in {
        "mim": "already",
        "my scores": "letters",
        "none": "does not exist",
        "image": "not a readable CSV",
    }.items():
        with pytest.raises(TableError, match=message):
            read_added(tmp_path / f"{name}.csv", clean)


def test_a_folder_that_cannot_be_written_is_one_sentence(clean: RunTables, tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", clean)
    (run / "added").write_text("in the way")
    own_of(clean, "harmonic").drop(columns="fold").to_csv(tmp_path / "theirs.csv", index=False)
    with pytest.raises(OutputError, match="added"):
        add_rows(run, [tmp_path / "theirs.csv"])
