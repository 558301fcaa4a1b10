"""The phantom: reproducible, the same scene at every size, two sources, honest columns."""

import hashlib
import os
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from mimbench.data.generated import phantom
from mimbench.errors import DataError, UnknownNameError

# Mean red, green and blue of the first image of each category, seed 0, 64 pixels, version 1.
GOLDEN = {
    "umbilicated_pustules": (172.9, 140.9, 129.0),
    "annular_scale": (174.8, 134.2, 110.4),
    "bullae": (177.2, 148.9, 134.0),
    "comedones": (178.8, 136.9, 115.6),
    "depigmented_patches": (194.2, 151.5, 128.0),
    "domed_papules": (190.1, 146.9, 129.6),
    "honey_crusts": (202.9, 157.8, 129.9),
    "lichenified_patches": (183.4, 138.4, 113.6),
    "linear_burrows": (205.9, 156.4, 132.6),
    "macules": (177.1, 137.8, 117.4),
    "nodules": (210.4, 163.5, 139.2),
    "purpura": (212.2, 173.0, 157.9),
    "silvery_plaques": (195.1, 146.3, 117.1),
    "target_lesions": (229.2, 188.8, 167.9),
    "telangiectasia": (207.7, 157.2, 132.2),
    "ulcers": (182.6, 143.5, 122.9),
    "vesicle_clusters": (127.9, 97.9, 86.9),
    "warty_growths": (191.0, 155.1, 130.6),
    "wheals": (185.2, 144.4, 120.9),
}


@pytest.fixture(scope="module")
def gallery() -> pd.DataFrame:
    """One patient of each category."""
    return phantom.table(3, target_patients=1, patients_per_category=1)


@pytest.fixture(scope="module")
def scenes() -> pd.DataFrame:
    """One image of each category."""
    rows = phantom.table(3, target_patients=1, patients_per_category=1)
    return rows.drop_duplicates("category")


def shrunk(images: np.ndarray) -> np.ndarray:
    """The images at 16 pixels, as vectors."""
    small = [cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA) for image in images]
    return np.stack(small).reshape(len(images), -1).astype(float)


def test_default_table_has_a_target_and_eighteen_other_categories() -> None:
    table = phantom.table()
    counts = table["category"].value_counts()
    patients = table.groupby("category")["patient"].nunique()
    assert len(phantom.CATEGORIES) == 19
    assert set(counts.index) == set(phantom.CATEGORIES)
    assert phantom.CATEGORIES[0] == phantom.TARGET == "umbilicated_pustules"
    assert 105 <= counts[phantom.TARGET] <= 135
    assert patients[phantom.TARGET] == 60
    assert counts.drop(phantom.TARGET).between(20, 36).all()
    assert (patients.drop(phantom.TARGET) == 14).all()
    assert set(table.groupby("patient").size()) == {1, 2, 3}
    assert (table.groupby("patient")["category"].nunique() == 1).all()
    assert table["image_id"].is_unique
    assert table["image_id"].str.fullmatch("[0-9a-f]{64}").all()


def test_every_skin_tone_is_there_and_shows() -> None:
    table = phantom.table(5).drop_duplicates("patient")
    assert set(table["skin_tone"]) == {"I", "II", "III", "IV", "V", "VI"}
    assert table["skin_tone"].value_counts(normalize=True).min() > 0.1
    sample = table[table["category"].isin(("macules", "wheals", "comedones", "nodules"))]
    level = pd.Series(phantom.render(sample).mean((1, 2, 3)), sample.index)
    by_tone = level.groupby(sample["skin_tone"]).mean()
    assert by_tone["I"] > by_tone["III"] > by_tone["V"] > by_tone["VI"]


def test_an_image_depends_on_its_own_row_alone(gallery: pd.DataFrame) -> None:
    whole = phantom.render(gallery)
    np.random.seed(1)  # noqa: NPY002 - a global seed must not matter
    shuffled = gallery.sample(frac=1.0, random_state=2)
    again = phantom.render(shuffled)
    assert np.array_equal(again, whole[[gallery.index.get_loc(row) for row in shuffled.index]])
    assert np.array_equal(phantom.render(gallery.iloc[[7]])[0], whole[7])


def test_a_larger_table_contains_the_smaller_one(gallery: pd.DataFrame) -> None:
    larger = phantom.table(3, target_patients=4, patients_per_category=3, images_per_patient=3)
    assert set(gallery["image_id"]) < set(larger["image_id"])
    shared = larger.set_index("image_id").loc[gallery["image_id"]].reset_index()
    columns = ["image_id", "category", "patient", "skin_tone", "index"]
    pd.testing.assert_frame_equal(shared[columns], gallery[columns])


def test_another_process_draws_the_same_pixels_without_torch(scenes: pd.DataFrame) -> None:
    program = (
        "import hashlib, sys\n"
        "from mimbench.data.generated import abnormal, phantom\n"
        "rows = phantom.table(3, target_patients=1, patients_per_category=1)\n"
        "rows = rows.drop_duplicates('category')\n"
        "print(hashlib.sha256(phantom.render(rows).tobytes()).hexdigest())\n"
        "assert 'torch' not in sys.modules, 'the generators import torch'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(phantom.render(scenes).tobytes()).hexdigest()


@pytest.mark.parametrize("size", [32, 100, 224])
def test_every_size_shows_the_same_scene(scenes: pd.DataFrame, size: int) -> None:
    small, other = shrunk(phantom.render(scenes, 64)), shrunk(phantom.render(scenes, size))
    distance = np.abs(small[:, None] - other[None]).mean(axis=2)
    same = np.diag(distance).copy()
    np.fill_diagonal(distance, np.inf)
    assert same.max() < 6.0
    assert (same < 0.5 * distance.min(axis=1)).all()


def test_version_1_is_frozen() -> None:
    table = phantom.table(0, target_patients=1, patients_per_category=1)
    table = table.drop_duplicates("category")
    assert phantom.VERSION == "1"
    assert tuple(table["category"]) == phantom.CATEGORIES == tuple(GOLDEN)
    colours = phantom.render(table).mean(axis=(1, 2))
    # Processors and library versions may differ by a level.
    assert np.abs(colours - np.array(list(GOLDEN.values()))).max() < 1.0
    identity = b"phantom/1/0/0"
    assert table["image_id"].iloc[0] == hashlib.sha256(identity).hexdigest()


def test_images_of_a_patient_share_the_person_but_not_the_scene() -> None:
    table = phantom.table(4, target_patients=12, patients_per_category=1)
    table = table[table["category"] == phantom.TARGET]
    assert (table.groupby("patient")["tone_angle"].nunique() == 1).all()
    assert table["tone_angle"].nunique() == 12
    pixels = shrunk(phantom.render(table))
    assert len(np.unique(pixels, axis=0)) == len(table)


def test_archive_is_another_source_of_the_same_scenes(scenes: pd.DataFrame) -> None:
    archive = phantom.table(
        3, target_patients=1, patients_per_category=1, camera=phantom.ARCHIVE
    ).drop_duplicates("category")
    assert set(archive["source"]) == {"phantom-archive"}
    assert set(scenes["source"]) == {"phantom"}
    assert not set(archive["image_id"]) & set(scenes["image_id"])
    assert list(archive["patient"]) == list(scenes["patient"])
    first, second = phantom.render(scenes, 128), phantom.render(archive, 128)
    assert second[:, :3].mean() < 12.0 < first[:, :3].mean()
    inside = slice(20, 100)
    assert (
        np.corrcoef(first[:, inside, inside].ravel(), second[:, inside, inside].ravel())[0, 1] > 0.9
    )


def test_a_camera_of_ones_own_leaves_its_marks(scenes: pd.DataFrame) -> None:
    plain = phantom.render(scenes, 128).astype(float)
    coarse = phantom.Camera("coarse", resolution=32)
    grainy = phantom.Camera("grainy", grain=0.1)
    reddish = phantom.Camera("reddish", white_balance=(1.3, 1.0, 0.8))

    def roughness(images: np.ndarray) -> float:
        return float(np.square(np.diff(images, axis=1)).mean())

    assert (
        roughness(phantom.render(scenes, 128, camera=coarse).astype(float)) < roughness(plain) / 2
    )
    assert (
        roughness(phantom.render(scenes, 128, camera=grainy).astype(float)) > roughness(plain) * 2
    )
    red = phantom.render(scenes, 128, camera=reddish).astype(float)
    assert (red[..., 0] - red[..., 2]).mean() > (plain[..., 0] - plain[..., 2]).mean() + 15.0


def test_wrong_requests_are_named(gallery: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"16 pixels .* 32\.\.512"):
        phantom.render(gallery, 16)
    with pytest.raises(DataError, match="target_patients is 0"):
        phantom.table(target_patients=0)
    with pytest.raises(DataError, match="lacks the column index"):
        phantom.render(gallery.drop(columns="index"))
    with pytest.raises(DataError, match="99999999999 stands for no image"):
        phantom.render(gallery.assign(index=99_999_999_999))
    with pytest.raises(UnknownNameError, match="Did you mean phantom-archive"):
        phantom.render(gallery.assign(source="phantom-archiv"))


def test_contact_sheet_has_a_row_for_each_category() -> None:
    sheet = phantom.contact_sheet(48, columns=2)
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] > 19 * 48
    assert 2 * 48 < sheet.shape[1] < 3 * 48
    assert (sheet[0] == 255).all()
