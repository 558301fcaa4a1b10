"""Two versions of one photograph are found, however it was changed; different ones are not."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from photographs import CHANGES, all_at_once, blobs, crop, jpeg, photo
from PIL import Image

from mimbench.data.near_duplicates import (
    compare,
    near_duplicates,
    near_duplicates_between,
    picture_features,
    read_comparison,
    write_comparison,
)


def _write(folder: Path, photos: dict[str, Image.Image]) -> pd.DataFrame:
    """PNG files of these names, as a table whose image_ids are the names."""
    folder.mkdir(exist_ok=True)
    for name, image in photos.items():
        image.save(folder / f"{name}.png")
    paths = [str(folder / f"{name}.png") for name in photos]
    return pd.DataFrame({"image_id": list(photos), "path": paths}, dtype="str")


def _found(table: pd.DataFrame) -> set[tuple[str, str]]:
    pairs = near_duplicates(picture_features(table))
    return set(zip(pairs["first"], pairs["second"], strict=True))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(tmp_path, change):
    photos = {f"p{seed}": photo(seed) for seed in range(5)}
    photos |= {f"q{seed}": CHANGES[change](photo(seed)) for seed in range(3)}
    assert _found(_write(tmp_path, photos)) == {(f"p{seed}", f"q{seed}") for seed in range(3)}


def test_smooth_pictures_without_keypoints_are_told_too(tmp_path):
    photos = {f"p{seed}": blobs(seed) for seed in range(40)}
    photos["q7"] = jpeg(60)(blobs(7).transpose(Image.Transpose.ROTATE_270).resize((80, 60)))
    assert _found(_write(tmp_path, photos)) == {("p7", "q7")}


def test_other_photos_with_the_same_background_are_no_near_duplicates(tmp_path):
    photos = {f"p{seed}": photo(seed, background=50) for seed in range(5)}
    assert not _found(_write(tmp_path, photos))


def test_a_logo_in_common_makes_no_near_duplicates(tmp_path):
    logo = photo(70).resize((60, 46))
    photos = {}
    for seed in range(5):
        photos[f"p{seed}"] = photo(seed)
        photos[f"p{seed}"].paste(logo, (4, 90))
    assert not _found(_write(tmp_path, photos))


def test_flat_tiny_and_noisy_pictures_are_no_near_duplicates(tmp_path):
    rng = np.random.default_rng(0)
    photos = {f"flat{level}": Image.new("RGB", (64, 64), (level,) * 3) for level in (0, 90, 255)}
    for number in range(6):
        noise = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        photos[f"noise{number}"] = Image.fromarray(noise)
        faint = rng.normal(100, 12, (32, 32, 3)).clip(0, 255).astype(np.uint8)
        photos[f"faint{number}"] = Image.fromarray(faint)
        photos[f"thin{number}"] = Image.fromarray(rng.integers(0, 256, (16, 700, 3), np.uint8))
    assert not _found(_write(tmp_path, photos))


def test_the_result_depends_neither_on_the_order_nor_on_random_state(tmp_path):
    photos = {f"p{seed}": photo(seed) for seed in range(5)}
    photos |= {f"q{seed}": all_at_once(photo(seed)) for seed in range(5)}
    table = _write(tmp_path, photos)
    first = near_duplicates(picture_features(table))
    cv2.setRNGSeed(7)
    again = near_duplicates(picture_features(table.iloc[::-1]))
    pd.testing.assert_frame_equal(first, again)
    assert (first["similarity"] >= 0.85).all()
    assert (first["matches"] >= 5).all()


def test_new_pictures_are_compared_with_old_ones_alone(tmp_path):
    old = _write(tmp_path / "old", {f"p{seed}": photo(seed) for seed in range(4)})
    new = {"n0": crop(0.6, 0, 0)(photo(2)), "n1": photo(90), "n2": jpeg(50)(photo(90))}
    fresh = picture_features(_write(tmp_path / "new", new))
    pairs = near_duplicates_between(fresh, picture_features(old))
    assert pairs[["first", "second"]].to_numpy().tolist() == [["n0", "p2"]]


def test_without_the_old_pictures_keypoints_alone_decide(tmp_path):
    old = _write(tmp_path / "old", {f"p{seed}": photo(seed) for seed in range(4)})
    kept = picture_features(old).assign(path="")
    new = _write(tmp_path / "new", {"n0": crop(0.7, 0, 0)(photo(2)), "n1": photo(90)})
    pairs = near_duplicates_between(picture_features(new), kept)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["n0", "p2"]]
    assert pairs["similarity"].isna().all()
    assert pairs["matches"][0] >= 12


def test_features_take_less_than_2_kb_and_known_ones_are_not_read_again(tmp_path):
    table = _write(tmp_path, {f"p{seed}": photo(seed) for seed in range(3)})
    features = picture_features(table)
    assert features["features"].map(len).max() <= 2000
    for path in table["path"]:
        Path(path).unlink()
    pd.testing.assert_frame_equal(picture_features(table, features), features)
    assert picture_features(table).empty


def test_generated_images_have_no_features():
    table = pd.DataFrame({"image_id": ["a"], "path": [""]}, dtype="str")
    assert picture_features(table).empty


def test_a_comparison_is_kept_and_used_again_for_the_same_pictures(tmp_path):
    photos = {"p0": photo(0), "q0": all_at_once(photo(0)), "p1": photo(1)}
    table = _write(tmp_path / "photos", photos)
    made = compare(table)
    write_comparison(made, tmp_path / "audit")
    kept = read_comparison(tmp_path / "audit")
    assert kept is not None
    pd.testing.assert_frame_equal(compare(table, kept).pairs, made.pairs)
    for path in table["path"]:
        Path(path).unlink()
    pd.testing.assert_frame_equal(compare(table, kept).pairs, made.pairs)


def test_a_kept_comparison_of_fewer_pictures_is_made_again(tmp_path):
    photos = {"p0": photo(0), "p1": photo(1), "q0": all_at_once(photo(0))}
    table = _write(tmp_path / "photos", photos)
    write_comparison(compare(table.iloc[:2]), tmp_path / "audit")
    found = compare(table, read_comparison(tmp_path / "audit"))
    assert found.pairs[["first", "second"]].to_numpy().tolist() == [["p0", "q0"]]


def test_a_damaged_comparison_counts_as_none(tmp_path):
    write_comparison(compare(_write(tmp_path / "photos", {"p0": photo(0)})), tmp_path / "audit")
    assert read_comparison(tmp_path / "audit") is not None
    for name in ("features.parquet", "near_duplicates.json"):
        path = tmp_path / "audit" / name
        content = path.read_bytes()
        path.write_bytes(content[:-20])
        assert read_comparison(tmp_path / "audit") is None
        path.write_bytes(content)
    assert read_comparison(tmp_path / "nowhere") is None


def test_a_comparison_that_was_made_up_counts_as_none(tmp_path):
    made = compare(_write(tmp_path / "photos", {"p0": photo(0)}))
    for strange in (b"", b"12345678abc", bytes(8 + 22 * 1000)):
        write_comparison(replace(made, features=made.features.assign(features=strange)), tmp_path)
        assert read_comparison(tmp_path) is None
