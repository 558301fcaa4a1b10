"""run.json: one typed form, of which older files are read and unknown fields kept."""

import json
from pathlib import Path

import pytest
from synthetic_run import write_synthetic_run
from tampering import read, reseal

from mimbench.errors import MimbenchError, RecipeError, TableError
from mimbench.runfolder.added_rows import add_rows
from mimbench.runfolder.compact import write_compact
from mimbench.runfolder.info import (
    DetectorInfo,
    RunInfo,
    read_run_info,
    require_run_info,
    write_run_info,
)
from mimbench.scores.reading import read_tables

RESULTS = Path(__file__).parents[3] / "results"
RECORDED = sorted(path.parent.name for path in RESULTS.glob("*/run.json"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_synthetic_run(tmp_path / "run")


def is_within(part: object, whole: object) -> bool:
    """Whether all that `part` says stands in `whole`, which may say more."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_within(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_within, part, whole))
    return part == whole


@pytest.mark.parametrize("name", RECORDED)
def test_committed_records_of_older_versions_are_read_whole(name: str, tmp_path: Path) -> None:
    info, changed = read_run_info(RESULTS / name)
    assert not changed
    record = read(RESULTS / name / "run.json")
    assert info.run.plan_seed == record["run"]["plan_seed"]
    assert [detector.name for detector in info.detectors] == [
        d["name"] for d in record["detectors"]
    ]
    write_run_info(tmp_path, info)
    assert read_run_info(tmp_path) == (info, False)
    record.pop("digest", None)
    assert is_within(record, read(tmp_path / "run.json")), "nothing that it said is lost"


def test_what_a_run_writes_is_read_back_as_it_is(finished_run: Path) -> None:
    info = require_run_info(finished_run)
    assert info.version == 1
    assert info.command == "mimbench run small.toml"
    assert info.folder == str(Path.cwd())
    assert set(info.files) == {"audit.csv", "rejected.csv"}
    assert [detector.trains_on for detector in info.detectors] == ["target", "target"]
    assert [detector.recipe(finished_run).name for detector in info.detectors] == [
        "histogram",
        "Brightness",
    ]


def test_a_newer_form_is_refused_with_its_version(run: Path) -> None:
    reseal(run / "run.json", lambda record: record.update(version=7))
    with pytest.raises(TableError, match=r"run\.json has version 7.*up to 1.*upgrade"):
        read_run_info(run)


@pytest.mark.parametrize("value", [0, "1", None, 1.5])
def test_a_version_that_is_none_is_named(run: Path, value: object) -> None:
    reseal(run / "run.json", lambda record: record.update(version=value))
    with pytest.raises(RecipeError, match="version"):
        read_run_info(run)


def test_fields_that_this_version_does_not_know_are_kept_in_what_is_made_of_the_run(
    run: Path, tmp_path: Path
) -> None:
    def change(record: dict) -> None:
        record["weather"] = "rain"
        record["run"]["extra"] = [1, None]
        record["detectors"][0]["colour"] = "blue"

    reseal(run / "run.json", change)
    images = read_tables(run).images
    theirs = tmp_path / "theirs.csv"
    images.assign(value=0.5)[["image_id", "value"]].to_csv(theirs, index=False)
    made, _ = add_rows(run, [theirs])
    write_compact(run, tmp_path / "small")
    for folder in (made, tmp_path / "small"):
        record = json.loads((folder / "run.json").read_text())
        assert record["weather"] == "rain"
        assert record["run"]["extra"] == [1, None]
        assert record["detectors"][0]["colour"] == "blue"


def test_a_folder_of_tables_alone_has_the_defaults_and_some_commands_need_more(run: Path) -> None:
    (run / "run.json").unlink()
    assert read_run_info(run) == (RunInfo(), False)
    with pytest.raises(TableError, match=r"run\.json does not exist"):
        require_run_info(run)


def test_a_recipe_is_made_of_what_was_recorded_alone(tmp_path: Path) -> None:
    lacking = DetectorInfo(name="mim", headline=("residual",))
    with pytest.raises(MimbenchError, match="detector is missing"):
        lacking.recipe(tmp_path / "run.json")
