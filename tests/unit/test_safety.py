"""Reading what somebody else made runs none of their code, on screen, in a table or in Python."""

import contextlib
import dataclasses
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tampering import reseal, restamp

from mimbench.app.rows import exportable, restored_rows
from mimbench.errors import CorruptionError, DetectorError, MimbenchError, RecipeError, TableError
from mimbench.evaluation.explain import explain
from mimbench.evaluation.external.external import score_external
from mimbench.evaluation.external.fitted_run import read_fitted_run
from mimbench.evaluation.planning.suites import read_suite
from mimbench.progress import Silent
from mimbench.report.leaderboard.entries import build_leaderboard
from mimbench.runfolder.reading import read_run
from mimbench.scores.reading import read_tables
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.tables.metrics import metrics_table


class Attack:
    """Runs code when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.victim,))


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of a run, to be tampered with."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def change(run: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    reseal(run / "run.json", edit)


def test_code_that_a_run_names_is_imported_only_if_the_user_names_it_too(
    run: Path, plugin: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    photos = [str(folders["abnormal"])]
    named = f"{plugin}:Brightness"
    with pytest.raises(DetectorError, match=f"--detector {named}"):
        score_external(run, photos, Silent())
    result = score_external(run, photos, Silent(), [named])
    assert {"histogram", "Brightness"} <= set(result.test.verdicts["row"])

    (tmp_path / "mine.toml").write_text(f'name = "mine"\ndetector = "{named}"\n')
    result = score_external(run, photos, Silent(), [str(tmp_path / "mine.toml")])
    assert "Brightness" in set(result.test.verdicts["row"])

    victim = tmp_path / "touched"
    evil = tmp_path / "evil.py"
    evil.write_text(f"from pathlib import Path\nPath({str(victim)!r}).touch()\n")
    for name in (f"{evil}:Thing", "os:system"):
        change(run, lambda about, name=name: about["detectors"][0].update(detector=name))
        with pytest.raises(DetectorError, match="not part of mimbench"):
            score_external(run, photos, Silent(), [named])
    assert not victim.exists()


def test_a_row_whose_code_is_not_trusted_is_left_out_where_others_can_be_explained(
    run: Path, plugin: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    photo = str(next(folders["abnormal"].rglob("*.png")))
    named = f"{plugin}:Brightness"
    left_out = explain(run, photo, Silent())
    assert {score.row for score in left_out.scores} == {"histogram"}
    assert f"Brightness. If you trust it, say so: --detector {named}" in left_out.notes[0]
    both = explain(run, photo, Silent(), (named,))
    assert {score.row for score in both.scores} == {"histogram", "Brightness"}
    assert not both.notes

    victim = tmp_path / "touched"
    evil = tmp_path / "evil.py"
    evil.write_text(f"from pathlib import Path\nPath({str(victim)!r}).touch()\n")
    for k in (0, 1):  # also under the name of the other
        foreign = {"detector": f"{evil}:Thing", "name": "Brightness"}
        change(run, lambda about, k=k, own=foreign: about["detectors"][k].update(own))
        with contextlib.suppress(MimbenchError):
            explain(run, photo, Silent(), (named,))
    assert not victim.exists()


def test_an_app_asks_for_trust_in_the_code_of_its_row_alone(run: Path, plugin: Path) -> None:
    folder = read_run(run)
    board = build_leaderboard(folder, metrics_table(folder.tables, resamples=0, severities=False))
    fitted = read_fitted_run(run)
    assert exportable(fitted, board) == []  # without importing the plug-in
    with pytest.raises(DetectorError, match=f"--detector {plugin}:Brightness"):
        restored_rows(fitted, board, Layout(folder.tables), "Brightness")
    with pytest.raises(DetectorError, match="histogram cannot be exported"):
        restored_rows(fitted, board, Layout(folder.tables), "histogram")


def test_metadata_that_is_not_what_it_should_be_is_one_sentence(
    run: Path, folders: dict[str, Path]
) -> None:
    change(run, lambda about: about.update(canonical_size="64; rm"))
    with pytest.raises(RecipeError, match="canonical_size"):
        score_external(run, [str(folders["abnormal"])], Silent())


def test_a_pickle_in_place_of_a_state_or_a_table_is_refused_and_does_not_run(
    run: Path, plugin: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    victim = tmp_path / "touched"
    attack = pickle.dumps({"weight": Attack(victim)})
    pickle.loads(attack)  # noqa: S301 - it is a working attack
    victim.unlink()
    for state in (run / "fits").glob("*.safetensors"):
        state.write_bytes(attack)
    with pytest.raises(MimbenchError):
        score_external(run, [str(folders["abnormal"])], Silent(), [f"{plugin}:Brightness"])
    (run / "scores.parquet").write_bytes(attack)
    with pytest.raises(TableError, match=r"scores\.parquet"):
        read_tables(run)
    assert not victim.exists()


def test_a_pickle_inside_a_parquet_file_stays_asleep(run: Path, tmp_path: Path) -> None:
    victim = tmp_path / "touched"
    table = pq.read_table(run / "fits.parquet")
    sleeping = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Attack(victim)),
    }
    fields = [field.with_metadata(sleeping) for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields, table.schema.metadata)), run / "fits.parquet")
    restamp(run)
    assert len(read_tables(run).fits) == table.num_rows
    assert not victim.exists()


def test_a_picture_of_the_gallery_cannot_be_a_file_from_elsewhere(run: Path) -> None:
    (run / "gallery").mkdir()
    entry = {"detector": "mim", "row": "mim/l1", "category": "mpox", "role": "target"}
    entry |= {"threshold": 0.5, "frozen": True, "scores": [0.4]}
    for file in ("/etc/passwd", "../run.json", "..png/../../a.png"):
        (run / "gallery" / "gallery.json").write_text(json.dumps([entry | {"file": file}]))
        with pytest.raises(RecipeError, match="file"):
            read_run(run)


@pytest.mark.parametrize("name", ["=cmd()", "@SUM(A1)", "a\x1b]0;owned\x07", "b\nc"])
def test_names_that_a_spreadsheet_or_terminal_would_obey_are_refused(
    run: Path, tmp_path: Path, name: str
) -> None:
    tables = read_tables(run)
    images = tables.images.replace({"category": {"orf": name}})
    with pytest.raises(TableError, match="must not begin with"):
        dataclasses.replace(tables, images=images)
    suite = tmp_path / "suite.toml"
    kernel = f'name = {json.dumps(name)}\nkernel = "gaussian_noise"\nsigma = 0.1'
    suite.write_text(f'name = "s"\n[[corruption]]\n{kernel}\n')
    with pytest.raises((CorruptionError, RecipeError), match="name"):
        read_suite(str(suite))
