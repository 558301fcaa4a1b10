"""A fetched data set goes by its name, where no path has that name."""

import json
import shutil
from pathlib import Path

import pytest
from miniature_sets import MINIATURES

from mimbench.data.dataset import ImageOptions, survey
from mimbench.data.fetch.get import get
from mimbench.data.fetch.places import default_folder, located, remember
from mimbench.data.sources import images_offered
from mimbench.errors import DataError
from mimbench.progress import Silent


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def test_a_run_takes_the_name_of_a_set_that_was_got(tmp_path):
    MINIATURES["ddi"](tmp_path / "mine")
    get("ddi", tmp_path / "mine", Silent())
    offer = images_offered(ImageOptions(data=("ddi",)))
    assert set(offer.table["dataset"]) == {"ddi"}
    assert [Path(path).parent for path in offer.table["path"]] == [tmp_path / "mine" / "images"] * 2
    assert set(survey(["ddi"], size=32).table["skin_tone"]) == {
        "Fitzpatrick V-VI",
        "Fitzpatrick I-II",
    }


def test_a_folder_of_that_name_goes_first(tmp_path):
    (tmp_path / "ddi").mkdir()
    remember("ddi", tmp_path)
    assert located("ddi") == Path("ddi")


def test_a_set_that_was_not_fetched_or_is_gone_says_how_to_fetch_it(tmp_path, cache):
    with pytest.raises(DataError, match=r"not fetched.*mimbench data get scin"):
        survey(["scin"])
    (tmp_path / "set").mkdir()
    remember("scin", tmp_path / "set")
    shutil.rmtree(tmp_path / "set")
    with pytest.raises(DataError, match=r"gone.*mimbench data get scin"):
        located("scin")
    (cache / "scin.json").write_text(json.dumps(["no record"]))
    with pytest.raises(DataError, match="not fetched"):
        located("scin")


def test_the_default_folder_lies_in_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("MIMBENCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder("ddi") == tmp_path / "mimbench" / "data" / "ddi"
