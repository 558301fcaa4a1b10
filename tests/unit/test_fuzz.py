"""A damaged run's folder gives one sentence or the very same numbers, whatever is damaged how.

Hypothesis chooses what to damage; in CI always the same (`CI` is set), elsewhere something new,
and a failure prints how to repeat it. `MIMBENCH_FUZZ=20` looks twenty times as long.
"""

import html
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_tables import Made, made_images, made_tables
from synthetic_run import write_synthetic_run
from tampering import reseal, restamp

from mimbench.claims import read_claims, verify, write_verdicts
from mimbench.cli import main
from mimbench.errors import MimbenchError
from mimbench.gate import GateSettings, gate
from mimbench.report import write_report
from mimbench.report.page.sections.gallery import gallery_views
from mimbench.report.subgroups import write_subgroups
from mimbench.runfolder.cleanup import find_runs, leftovers
from mimbench.runfolder.reading import RunFolder, read_run
from mimbench.runfolder.score_blocks import read_block
from mimbench.runfolder.store import Store
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables

LONGER = float(os.environ.get("MIMBENCH_FUZZ", "1"))  # times as long as usual
SECONDS = 8 * LONGER  # that one test may go on with further examples
FUZZ = settings(
    max_examples=int(250 * LONGER),
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
CATEGORIES = {
    "mpox": ("target", "clinic", 24),
    "measles": ("known", "clinic", 16),
    "acne": ("unknown", "clinic", 16),
}


@dataclass
class Clock:
    """Ends a test that has seen enough, however slow the machine is; a failure is looked into."""

    end: float

    @property
    def over(self) -> bool:
        return time.monotonic() > self.end

    @contextmanager
    def on(self, run: Path) -> Iterator[None]:
        """One example on a run's folder, which is as before afterwards."""
        kept = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        try:
            yield
        except BaseException:
            self.end = float("inf")
            raise
        finally:
            restore(run, kept)


def restore(folder: Path, kept: dict[Path, bytes]) -> None:
    """Undo whatever happened to the files of a folder."""
    for path in folder.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()
    for path, content in kept.items():
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


@pytest.fixture
def clock() -> Clock:
    return Clock(time.monotonic() + SECONDS)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with everything that commands leave in its folder."""
    tables = made_tables(
        {"mim": Made(0.9), "harmonic": Made(0.6, control=True)},
        images=made_images(CATEGORIES, per_patient=1),
        conditions=(("clean", 0),),
    )
    quality = tables.fits["control"].map({True: "", False: json.dumps({"ece": 0.25})})
    tables = RunTables(tables.scores, tables.fits.assign(quality=quality), tables.images)
    folder = write_synthetic_run(tmp_path_factory.mktemp("fuzz") / "run", tables)
    fit = tables.fits["fit_id"].iloc[0]
    curves = {"fit_id": fit, "detector": "mim", "step": [1, 2], "loss": "l1", "value": [2.5, 1.5]}
    pd.DataFrame(curves).to_csv(folder / "training.csv", index=False)
    finding = {"severity": ["note"], "check": ["size"], "message": ["There are 56 images."]}
    pd.DataFrame(finding).to_csv(folder / "audit.csv", index=False)
    reseal(folder / "run.json", lambda record: record["files"].update(
        {"training.csv": "", "audit.csv": ""}))  # fmt: skip
    restamp(folder)
    tables = read_tables(folder)
    claims = read_claims("mim-paper")
    write_verdicts(verify(tables, claims), folder, tables, claims)
    write_subgroups(folder, ["skin_tone"])
    write_report(folder)
    return folder


def flip(content: bytes, place: float, other: float) -> bytes:
    """One bit is another one."""
    if not content:
        return b"\x00"
    bit = int(place * (8 * len(content) - 1))
    return content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]


def cut(content: bytes, place: float, other: float) -> bytes:
    return content[: int(place * len(content))]


def blank(content: bytes, place: float, other: float) -> bytes:
    begin, size = int(place * len(content)), 1 + int(other * 64)
    return content[:begin] + bytes(len(content[begin : begin + size])) + content[begin + size :]


def double(content: bytes, place: float, other: float) -> bytes:
    begin, size = int(place * len(content)), 1 + int(other * 200)
    return content[: begin + size] + content[begin:]


def another_digit(content: bytes, place: float, other: float) -> bytes:
    """A digit is another digit, so that text stays text."""
    digits = [k for k, letter in enumerate(content) if chr(letter).isdigit()]
    if not digits:
        return flip(content, place, other)
    k = digits[int(place * (len(digits) - 1))]
    new = (content[k] - 48 + 1 + int(other * 8)) % 10
    return content[:k] + str(new).encode() + content[k + 1 :]


DAMAGES = (flip, flip, flip, another_digit, another_digit, cut, blank, double)
UNIT = st.floats(0, 1, exclude_max=True)
damages = st.tuples(st.sampled_from(DAMAGES), UNIT, UNIT)


def damage(path: Path, how: tuple[Callable[..., bytes], float, float]) -> None:
    change, place, other = how
    path.write_bytes(change(path.read_bytes(), place, other))


def one_sentence(error: MimbenchError) -> None:
    assert str(error)
    assert "\n" not in str(error), str(error)
    assert "Traceback" not in str(error)


def check_same_or_left_out(found: RunFolder, whole: RunFolder) -> None:
    """All that is read is as it was, or is not there, with a sentence why."""
    for table in ("scores", "fits", "images"):
        pd.testing.assert_frame_equal(getattr(found.tables, table), getattr(whole.tables, table))
    assert found.info == whole.info
    pd.testing.assert_frame_equal(found.rejected, whole.rejected)
    for name, table in found.extras.items():
        pd.testing.assert_frame_equal(table, whole.extras[name])
    lost = len(whole.extras) - len(found.extras)
    if found.attempts != whole.attempts:
        assert found.attempts == ()
        lost += 1
    assert len(found.doubts) >= lost
    for view, before in zip(gallery_views(found), gallery_views(whole), strict=True):
        for picture in [*view.ladders, *(p for own in view.cases.values() for p in own)]:
            assert picture in [*before.ladders, *(p for own in before.cases.values() for p in own)]


FILES = ("scores.parquet", "fits.parquet", "images.parquet", "run.json", "starts.json",
         "derived.json", "verdicts.json", "subgroups.csv", "training.csv", "audit.csv",
         "rejected.csv", "gallery/gallery.json", "gallery/noise.png")  # fmt: skip


@FUZZ
@given(name=st.sampled_from(FILES), how=damages)
def test_what_is_read_from_a_damaged_folder_is_as_it_was_or_refused(
    run: Path, clock: Clock, name: str, how: tuple[Callable[..., bytes], float, float]
) -> None:
    """Everything after reading is a function of what was read."""
    if clock.over:
        return
    whole = read_run(run)
    with clock.on(run):
        damage(run / name, how)
        try:
            found = read_run(run)
        except MimbenchError as error:
            one_sentence(error)
        else:
            check_same_or_left_out(found, whole)
        (listed,) = find_runs(run)
        assert listed.state in ("finished", "unreadable", "unfinished")
        if listed.state == "finished":
            assert listed.detail == "2 trained models"
        try:
            assert leftovers(run) == []
        except MimbenchError as error:
            one_sentence(error)


Outputs = dict[str, tuple[int, str]]
AS_IT_WAS = "(as it was: nothing that it is made from has changed)"


@dataclass(frozen=True, repr=False)  # Hypothesis prints arguments, and warns of long ones
class Printed:
    """What commands print of the run as it is, and the lines of its page."""

    outputs: Outputs
    page: set[str]


def outputs(run: Path, out: Path) -> Outputs:
    """Exit code and standard output of each command; a report made again tells the same."""
    found = {}
    before = sys.argv, sys.stdout
    for line in (f"verify {run}", f"gate {run} {run}", f"report {run} --quiet"):
        with out.open("w") as sys.stdout:
            sys.argv = ["mimbench", *line.split()]
            code = int(main())
        found[line.split()[0]] = code, out.read_text().replace(f" {AS_IT_WAS}", "")
        sys.argv, sys.stdout = before
    return found


@pytest.fixture(scope="module")
def whole(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Printed:
    found = outputs(run, tmp_path_factory.getbasetemp() / "whole.txt")
    return Printed(found, set((run / "index.html").read_text().splitlines()))


@settings(FUZZ, max_examples=int(12 * LONGER))
@given(name=st.sampled_from([*FILES, "figures/drawn.json", "figures/roc.svg"]), how=damages)
def test_commands_on_a_damaged_folder_print_the_same_or_one_sentence(
    run: Path,
    whole: Printed,
    clock: Clock,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    how: tuple[Callable[..., bytes], float, float],
) -> None:
    if clock.over:
        return
    with clock.on(run):
        damage(run / name, how)
        found = outputs(run, tmp_path_factory.getbasetemp() / "damaged.txt")
        reasons = [*read_run(run).doubts] if found["report"][0] == 0 else []
        for command, (code, said) in found.items():
            before, said_before = whole.outputs[command]
            assert code in (2, 64, before), command
            if code not in (2, 64):  # the same, or the same and what is damaged
                assert _without(said, reasons) == _without(said_before, []), command
        reasons.append("Not shown, since they are missing or not the pictures")
        for line in set((run / "index.html").read_text().splitlines()) - whole.page:
            assert any(reason in html.unescape(line) for reason in reasons), line


def _without(text: str, sentences: list[str]) -> str:
    """A text in one line, less some sentences."""
    words = " ".join(text.split())
    for sentence in sentences:
        words = words.replace(f" {' '.join(sentence.split())}", "")
    return words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


@FUZZ
@given(
    name=st.sampled_from(["run.json", "starts.json", "derived.json", "gallery/gallery.json"]),
    place=UNIT,
    new=JSON,
)
def test_a_record_with_other_types_and_a_digest_that_fits_is_one_sentence_or_read(
    run: Path, clock: Clock, name: str, place: float, new: Any
) -> None:
    if clock.over:
        return

    def change(record: dict[str, Any]) -> None:
        paths = list(places(record))[1:]
        changed = put(record, paths[int(place * len(paths))], new)
        record.clear()
        record.update(changed)

    with clock.on(run):
        reseal(run / name, change)
        try:
            found = read_run(run)
            gallery_views(found)
            find_runs(run)
            leftovers(run)
        except MimbenchError as error:
            one_sentence(error)
        else:
            pd.testing.assert_frame_equal(found.tables.scores, read_tables(run).scores)


def cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    texts = [None if value is None else str(value) for value in column.to_pylist()]
    return pa.array(texts).cast(kind, safe=False) if kind != pa.string() else pa.array(texts)


def retyped(table: pa.Table, k: int, seed: int) -> pa.Table:
    """A column holds something else: another type, gaps, extremes, lists, the wrong names."""
    rng = np.random.default_rng(seed)
    name, size = table.column_names[k], len(table)
    strange: list[Any] = [
        pa.array([None] * size), pa.array([None] * size, pa.string()),
        pa.array(rng.integers(-(2**63), 2**63 - 1, size)), pa.array(rng.normal(size=size)),
        pa.array([np.nan] * size), pa.array([np.inf] * size), pa.array([[1]] * size),
        pa.array([{"a": 1}] * size), pa.array([b"\xff"] * size), pa.array([True] * size),
        pa.array([""] * size), pa.array(["=1+1"] * size), pa.array(["\x1b[2J"] * size),
        pa.array(["x" * 3000] * size), pa.array(["\u202e"] * size), pa.array(["{}"] * size),
        pa.array(["null"] * size), pa.array(['{"a": NaN}'] * size), pa.array([10**18] * size),
        pa.array(["0"] * size), pa.array([0] * size), pa.array([2**31] * size),
        pa.array(pd.to_datetime(["2020-01-01"] * size)), table.column((k + 1) % table.num_columns),
        table[name].take(pa.array(rng.permutation(size))),
        table[name].take(pa.array(rng.integers(0, size, size))),
    ]  # fmt: skip
    values = strange[int(rng.integers(len(strange)))]
    mixed = rng.random() < 0.3 and values.type == table[name].type
    if mixed:
        old, new = table[name].to_pylist(), values.to_pylist()
        one = int(rng.integers(size))
        values = pa.array([*old[:one], new[one], *old[one + 1 :]], table[name].type)
    return table.set_column(k, name, values)


def reshaped(table: pa.Table, k: int, seed: int) -> pa.Table:
    """Columns or rows are gone, double or in another order."""
    rng, name = np.random.default_rng(seed), table.column_names[k]
    options: list[Callable[[], pa.Table]] = [
        lambda: table.drop_columns([name]),
        lambda: table.append_column(name, table[name]),
        lambda: table.rename_columns([*table.column_names[:k], "x", *table.column_names[k + 1 :]]),
        lambda: table.slice(0, int(rng.integers(len(table)))),
        lambda: table.slice(0, 0),
        lambda: pa.concat_tables([table, table]),
        lambda: table.take(pa.array(rng.permutation(len(table)))),
        lambda: table.select(list(rng.permutation(table.column_names))),
        lambda: table.append_column("split_7", pa.array(["test"] * len(table))),
        lambda: table.append_column("split_x", pa.array(["test"] * len(table))),
        lambda: table.append_column("corruption_size", pa.array(["big"] * len(table))),
    ]
    return options[int(rng.integers(len(options)))]()


@FUZZ
@given(
    name=st.sampled_from(["scores", "fits", "images"]),
    change=st.sampled_from([retyped, retyped, reshaped]),
    column=UNIT,
    seed=st.integers(0, 10**6),
)
def test_a_table_of_another_form_and_a_digest_that_fits_is_one_sentence_or_judged(
    run: Path,
    clock: Clock,
    name: str,
    change: Callable[[pa.Table, int, int], pa.Table],
    column: float,
    seed: int,
) -> None:
    if clock.over:
        return
    with clock.on(run):
        path = run / f"{name}.parquet"
        table = pq.read_table(path)
        pq.write_table(change(table, int(column * table.num_columns), seed), path)
        restamp(run)
        try:
            tables = read_tables(run)
            gate(tables, tables, GateSettings())
            verify(tables, read_claims("mim-paper"))
            if seed % 8 == 0:
                write_report(run)
                write_subgroups(run, ["skin_tone"])
        except MimbenchError as error:
            one_sentence(error)


@settings(FUZZ, max_examples=int(60 * LONGER))
@given(place=UNIT, how=damages)
def test_a_damaged_store_serves_what_was_stored_or_nothing(
    finished_run: Path,
    clock: Clock,
    tmp_path_factory: pytest.TempPathFactory,
    place: float,
    how: Any,
) -> None:
    """That is what `score` and a rerun take from a folder."""
    if clock.over:
        return
    run = tmp_path_factory.getbasetemp() / "stored"
    if not run.exists():
        shutil.copytree(finished_run, run)
    store = Store(run)
    files = sorted(path for part in ("fits", "blocks") for path in (run / part).rglob("*.*"))
    fits = {path.stem: store.read_fit(path.stem) for path in (run / "fits").glob("*.json")}
    blocks = {path: read_block(path) for path in (run / "blocks").rglob("*.parquet")}
    with clock.on(run):
        damage(files[int(place * len(files))], how)
        for fit_id, whole in fits.items():
            found = store.read_fit(fit_id)
            if found is not None:
                assert whole is not None
                assert {f.name for f in fields(found)} == {f.name for f in fields(whole)}
                same = ("state_hash", "seconds", "about")
                assert [getattr(found, f) for f in same] == [getattr(whole, f) for f in same]
        for path, kept in blocks.items():
            block = read_block(path)
            if block is not None:
                assert kept is not None
                pd.testing.assert_frame_equal(block.scores, kept.scores, check_exact=True)
                assert block.about == kept.about
