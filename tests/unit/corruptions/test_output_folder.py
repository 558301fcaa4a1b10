"""A folder of pictures: what else lies there stays, and nothing outside is written to."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimbench.corruptions.folder import RECORD
from mimbench.corruptions.output_folder import claim_folder, write_picture
from mimbench.errors import OutputError

PICTURE = np.zeros((40, 40, 3), dtype=np.uint8)


def claim(folder: Path, text: str = "mine") -> None:
    claim_folder(folder, RECORD, text, "suite")


def test_a_folder_is_claimed_once_and_known_again(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    claim(out)
    claim(out)
    assert (out / RECORD).read_text() == "mine"
    with pytest.raises(OutputError, match=rf"out holds pictures of another suite \({RECORD}\)"):
        claim(out, "other")


def test_what_a_killed_call_left_of_the_record_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f"{RECORD}.4711.partial").write_text("mi")
    claim(tmp_path)
    assert (tmp_path / RECORD).read_text() == "mine"


@pytest.mark.parametrize("name", ["rejected.csv", "fog/3/a.png", f"{RECORD}.old"])
def test_a_folder_of_something_else_is_refused_and_stays(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    with pytest.raises(OutputError, match="not empty") as refused:
        claim(tmp_path)
    assert Path(name).parts[0] in str(refused.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]
    assert file.read_text() == "mine"


@pytest.mark.parametrize("claimed", [True, False])
@pytest.mark.parametrize("place", ["fog", "fog/3", "fog/3/a.png", RECORD])
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_at_any_place_is_refused(
    tmp_path: Path, place: str, exists: bool, claimed: bool
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    if claimed:
        claim(out)
    if exists:
        elsewhere.mkdir()
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    (out / place).unlink(missing_ok=True)
    (out / place).symlink_to(elsewhere)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=f"{Path(place).name} is a symbolic link"):
        claim(out)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_folder_itself_may_be_a_link_because_the_user_names_it(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    claim(tmp_path / "out")
    assert (tmp_path / "disk" / RECORD).is_file()


def test_a_picture_takes_the_place_of_a_link_and_is_not_written_through_it(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.png").symlink_to(tmp_path / "mine")
    write_picture(PICTURE, tmp_path / "a.png")
    assert (tmp_path / "mine").read_text() == "mine"
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (40, 40)


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"a\.png"):
        write_picture(PICTURE, tmp_path / "file" / "a.png")
    with pytest.raises(OutputError, match="file"):
        claim(tmp_path / "file")
