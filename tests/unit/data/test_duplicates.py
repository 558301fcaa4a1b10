"""A run takes near-duplicates of one category for one patient and leaves out those across."""

from pathlib import Path

import pandas as pd
import pytest
from photographs import all_at_once, crop, jpeg, photo
from PIL import Image

from mimbench.data.dataset import Dataset, ImageOptions, load
from mimbench.data.duplicates import keep_parts_together, resolve
from mimbench.data.splits import split
from mimbench.errors import DataError


def _write(root: Path, photos: dict[str, Image.Image]) -> None:
    for name, image in photos.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Mpox and acne, eight different photos each."""
    names = [f"{category}/{n}.png" for category in ("mpox", "acne") for n in range(8)]
    _write(tmp_path / "data", {name: photo(seed) for seed, name in enumerate(names)})
    return tmp_path / "data"


def _load(data: Path, **options: object) -> Dataset:
    return load(ImageOptions(data=[str(data)], canonical_size=32, **options))


def _left_out(dataset: Dataset) -> dict[str, str]:
    """Path -> reason of each file that is not used."""
    return dict(zip(dataset.unread["path"], dataset.unread["reason"], strict=True))


def _patient(dataset: Dataset, name: str) -> str:
    return dataset.table.loc[dataset.table["path"].str.endswith(name), "patient"].item()


def test_different_photos_stay_as_they_are(data):
    dataset = _load(data)
    assert dataset.duplicates == ()
    assert dataset.table["patient"].nunique() == 16
    assert _left_out(dataset) == {}


def test_near_duplicates_of_a_category_are_one_patient_in_every_split(data):
    for number in range(4):
        original = photo(number)
        _write(data, {f"mpox/crop{number}.png": crop(0.6, 0, 1)(original)})
        _write(data, {f"mpox/turned{number}.png": all_at_once(original)})
    dataset = _load(data)
    assert len(dataset) == 24
    for number in range(4):
        one = {_patient(dataset, f"mpox/{name}{number}.png") for name in ("", "crop", "turned")}
        assert len(one) == 1
    for fold in range(3):
        parts = split(dataset.table, 3, 0).groupby("patient")[f"split_{fold}"].nunique()
        assert (parts == 1).all()


def test_near_duplicates_of_two_categories_are_both_left_out_and_named(data):
    _write(data, {"acne/copy.png": jpeg(60)(crop(0.8, 0, 0)(photo(3)))})
    dataset = _load(data)
    assert len(dataset) == 15
    copy, original = str(data / "acne/copy.png"), str(data / "mpox/3.png")
    assert _left_out(dataset) == {
        copy: f"near-duplicate: the same photograph as {original} (mpox, target)",
        original: f"near-duplicate: the same photograph as {copy} (acne, known)",
    }
    assert "2 left out (near-duplicate 2)" in dataset.notes[-1]
    assert len(dataset.pixels) == len(dataset.facts) == len(dataset.table) == 15


def test_what_is_linked_to_a_picture_of_doubtful_category_is_left_out_too(data):
    _write(data, {"mpox/again.png": jpeg(50)(photo(3)), "acne/copy.png": jpeg(60)(photo(3))})
    dataset = _load(data)
    left = {Path(path).name for path in _left_out(dataset)}
    assert left == {"3.png", "again.png", "copy.png"}


def test_of_a_training_photo_in_another_role_neither_is_used(data, tmp_path):
    _write(tmp_path / "skin", {"orf/0.png": photo(90), "orf/1.png": crop(0.7, 1, 1)(photo(9))})
    dataset = _load(data, unknown=[str(tmp_path / "skin")])
    assert set(_left_out(dataset)) == {str(data / "acne/1.png"), str(tmp_path / "skin/orf/1.png")}


def test_external_copies_are_left_out_and_change_nothing_else(data, tmp_path):
    site = {
        "mpox/0.png": photo(80),
        "mpox/1.png": crop(0.6, 0.5, 0.5)(photo(2)),
        "orf/2.png": all_at_once(photo(3)),
        "unlabelled/3.png": jpeg(50)(photo(9)),
    }
    _write(tmp_path / "site", site)
    with_site = _load(data, external=[str(tmp_path / "site")])
    assert {Path(path).name for path in _left_out(with_site)} == {"1.png", "2.png", "3.png"}
    inside = with_site.table[with_site.table["role"] != "external"].reset_index(drop=True)
    pd.testing.assert_frame_equal(inside, _load(data).table)


@pytest.mark.parametrize(
    "links", [[("a", "e"), ("b", "e")], [("a", "e"), ("c", "e")], [("a", "e"), ("e", "f")]]
)
def test_what_the_run_s_images_share_with_an_external_one_links_them_to_nothing(links):
    table = pd.DataFrame(
        [
            ("a", "mpox", "target", "p1"),
            ("b", "mpox", "target", "p2"),
            ("c", "acne", "unknown", "p3"),
            ("e", "mpox", "external", "x"),
            ("f", "acne", "external", "y"),
        ],
        columns=["image_id", "category", "role", "patient"],
    ).assign(path="")
    pairs = pd.DataFrame(links, columns=["first", "second"]).assign(similarity=0.95, matches=20)
    found = resolve(table, pairs)
    own = (table["role"] != "external").to_numpy()
    assert not found.left_out[own].any()
    assert found.patients[own].tolist() == ["p1", "p2", "p3"]
    linked = {image for link in links for image in link} & {"e", "f"}
    assert set(table.loc[found.left_out, "image_id"]) == linked
    assert {pair.outcome for pair in found.duplicates} == {"external copy"}


def test_external_images_of_two_categories_that_contradict_are_left_out(data, tmp_path):
    site = {"mpox/0.png": photo(80), "mpox/1.png": photo(81)}
    site |= {"orf/1.png": jpeg(50)(photo(81)), "unlabelled/1.png": jpeg(40)(photo(81))}
    _write(tmp_path / "site", site)
    left = _left_out(_load(data, external=[str(tmp_path / "site")]))
    assert set(left) == {str(tmp_path / "site" / name) for name in ("mpox/1.png", "orf/1.png")}


def test_a_category_of_copies_alone_is_refused(data, tmp_path):
    _write(tmp_path / "skin", {"orf/1.png": jpeg(60)(photo(9))})
    with pytest.raises(DataError, match=r"'orf'.*near-duplicates.*data check"):
        _load(data, unknown=[str(tmp_path / "skin")])


def test_a_split_of_the_data_is_kept_and_no_photograph_is_in_two_parts_of_it():
    before = pd.DataFrame(
        {
            "path": ["a", "b", "c", "d", "e"],
            "patient": ["p1", "p2", "p3", "p4", "p5"],
            "given_1": ["train", "test", "train", "validation", "train"],
        },
        dtype="str",
    )
    after = before.assign(patient=["p1", "p1", "p3", "p3", "p5"])
    changed, notes = keep_parts_together(before, after)
    assert changed["given_1"].tolist() == ["test", "test", "validation", "validation", "train"]
    assert len(notes) == 1
    assert "2 images" in notes[0]
    same, none = keep_parts_together(before, before)
    pd.testing.assert_frame_equal(same, before)
    assert none == ()


def test_real_photos_that_are_known_to_repeat(real_images):
    """The pairs were looked at one by one: other photos of a place or person are not among them."""
    options = ImageOptions(
        data=[str(real_images / "msld")], unknown=[str(real_images / "skin18")], canonical_size=32
    )
    dataset = load(options)
    pairs = {tuple(sorted(Path(path).stem for path in pair.paths)) for pair in dataset.duplicates}
    expected = {
        ("bul01", "bul24"),
        ("NM28_01", "NM32_01"),
        ("NM04_01", "NM12_01"),
        ("M51_01", "M51_02"),
    }
    assert expected <= pairs
    assert 30 <= len(pairs) <= 50
    assert {Path(path).stem for path in _left_out(dataset)} >= {"ato00", "mol00"}
    assert _patient(dataset, "NM28_01.jpg") == _patient(dataset, "NM32_01.jpg")
    across = [pair for pair in dataset.duplicates if pair.outcome == "one patient"]
    assert len(across) <= 10  # of 55 + 106 + 338 patients
