"""A logo, date or frame at a fixed place is found and its place named; photographs have none."""

import base64
import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from photographs import jpeg, photo
from PIL import Image, ImageDraw

from mimbench.data.audit import Audit, as_html, as_text, audit
from mimbench.data.audit.regions import REGIONS, mean_pictures, strongest_region
from mimbench.data.dataset import Dataset, ImageOptions, gather

SIZE = 96
COUNT = 30


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _with_logo(image: Image.Image, x: int = 6, y: int = 120, opacity: int = 130) -> Image.Image:
    """A faint logo at the lower left, compressed with the picture."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    ImageDraw.Draw(layer).text((x, y), "ATLAS", fill=(255, 255, 255, opacity))
    return jpeg(85)(Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB"))


def _sides(
    changed: list[Image.Image],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.Series]:
    """COUNT photos as they are, and others."""
    plain = [jpeg(85)(photo(seed)) for seed in range(COUNT)]
    pixels = np.stack([_pixels(image) for image in [*plain, *changed]])
    other = np.arange(len(pixels)) >= COUNT
    everyone = np.arange(len(pixels))
    return pixels, everyone, other, pd.Series([f"p{number}" for number in everyone])


def test_a_logo_on_the_same_photos_is_found_at_the_lower_left() -> None:
    mark = strongest_region(*_sides([_with_logo(photo(seed)) for seed in range(COUNT)]))
    assert mark.region == "lower left"
    assert mark.estimate.value > 0.9
    assert mark.estimate.low > 0.6


def test_the_same_photos_without_a_logo_have_no_mark() -> None:
    mark = strongest_region(*_sides([jpeg(85)(photo(seed)) for seed in range(COUNT)]))
    assert mark.estimate.low < 0.5


@pytest.mark.parametrize(("place", "x", "y"), [("upper right", 140, 4), ("bottom", 70, 124)])
def test_a_logo_on_other_photos_is_found_wherever_it_is(place: str, x: int, y: int) -> None:
    other = [_with_logo(photo(100 + seed), x, y) for seed in range(COUNT)]
    mark = strongest_region(*_sides(other))
    assert mark.region == place
    assert mark.estimate.value > 0.9


def test_other_photos_without_a_logo_have_no_mark() -> None:
    found = [
        strongest_region(*_sides([jpeg(85)(photo(100 * k + s)) for s in range(COUNT)]), seed=k)
        for k in range(1, 9)
    ]
    assert sum(mark.estimate.low > 0.5 for mark in found) <= 1
    assert not any(mark.estimate.low > 0.6 for mark in found)


def test_collections_that_differ_in_sharpness_and_colour_have_no_mark() -> None:
    soft = [photo(100 + seed).resize((60, 46)).resize((180, 140)) for seed in range(COUNT)]
    red = [Image.fromarray((np.asarray(image) // (1, 2, 2)).astype(np.uint8)) for image in soft]
    assert strongest_region(*_sides(red)).estimate.low < 0.6


def test_the_interval_is_corrected_for_the_choice_of_a_region() -> None:
    sides = _sides([_with_logo(photo(seed + 100), opacity=60) for seed in range(COUNT)])
    corrected = strongest_region(*sides)
    alone = strongest_region(*sides, level=1 - 0.05 * len(REGIONS))
    assert corrected.region == alone.region
    assert corrected.estimate.value == alone.estimate.value
    assert corrected.estimate.low < alone.estimate.low


def test_too_few_patients_are_said() -> None:
    pixels, rows, other, _ = _sides([photo(seed) for seed in range(COUNT)])
    patients = pd.Series(np.where(other, "one", "two"))
    mark = strongest_region(pixels, rows, other, patients)
    assert "patients" in mark.estimate.reason


def test_the_mean_pictures_show_the_mark_of_the_other_collection() -> None:
    black, white = np.zeros((3, 30, 30, 3), np.uint8), np.zeros((3, 30, 30, 3), np.uint8)
    white[:, 20:, :10] = 240
    further = np.full((300, 30, 30, 3), 99, np.uint8)
    pixels, other = np.concatenate([further, black, white]), np.arange(6) >= 3
    uri = mean_pictures(pixels, 300 + np.arange(6), other, "lower left")
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    assert shown[50, 50].max() == 0
    assert shown[50, -50].min() == 240


def test_pictures_of_a_large_collection_are_not_copied() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8000, 32, 32, 3), np.uint8)
    rows = np.arange(len(pixels))
    other, patients = rows % 2 == 1, pd.Series(rows // 100 * 2 + rows % 2)
    tracemalloc.start()
    strongest_region(pixels, rows, other, patients)
    mean_pictures(pixels, rows, other, "top")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < pixels.nbytes


def _collections(root: Path, logo: bool, harmonise: bool = False) -> Dataset:
    """Target photos, known ones of the same folder, and unknown ones of another collection."""
    for place, offset in (("data/mpox", 0), ("data/acne", 100), ("atlas/orf", 200)):
        (root / place).mkdir(parents=True, exist_ok=True)
        for number in range(20):
            image = photo(offset + number)
            image = _with_logo(image, 36) if logo and place == "atlas/orf" else image
            image.save(root / place / f"{number}.jpg", quality=85)
    return gather(
        ImageOptions(
            data=(str(root / "data"),),
            unknown=(str(root / "atlas"),),
            canonical_size=2 * SIZE,
            harmonise=harmonise,
        )
    )


def _said(found: Audit, severity: str) -> list[str]:
    return [f.message for f in found.findings if (f.severity, f.check) == (severity, "marks")]


@pytest.mark.parametrize("harmonise", [False, True])
def test_the_audit_names_the_collection_and_the_place(tmp_path: Path, harmonise: bool) -> None:
    found = audit(_collections(tmp_path, logo=True, harmonise=harmonise))
    (warning,) = _said(found, "warning")
    assert "atlas (unknown)" in warning
    assert "lower left" in warning
    assert "highest of 9" in warning
    assert found.passes()
    assert not found.passes(strict=True)
    assert as_html(found).count("<img ") == 1
    assert "<img" not in as_text(found)
    assert "base64" not in str(found.as_json())


def test_without_a_mark_there_is_only_a_note(tmp_path: Path) -> None:
    found = audit(_collections(tmp_path, logo=False))
    assert not _said(found, "warning")
    notes = _said(found, "note")
    assert len(notes) == 2
    assert all("same place in every picture" in note and "missed" in note for note in notes)
    assert "<img" not in as_html(found)


def test_a_picture_from_elsewhere_does_not_come_onto_the_page(tmp_path: Path) -> None:
    found = audit(_collections(tmp_path, logo=True))
    strange = [replace(f, picture="https://example.org/x.png") for f in found.findings]
    page = as_html(replace(found, findings=tuple(strange)))
    assert "example.org" not in page
