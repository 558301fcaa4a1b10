"""The phantom as a table of images and as their pixels."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.data.contact_sheet import contact_sheet as arrange
from mimbench.data.generated.phantom.camera import CAMERAS, PHONE, Camera
from mimbench.data.generated.phantom.index import (
    CATEGORIES,
    PATIENTS,
    SWAP,
    TARGET,
    VERSION,
    Index,
    image_count,
    person_of,
)
from mimbench.data.generated.phantom.keys import image_id
from mimbench.data.generated.phantom.picture import picture
from mimbench.errors import DataError, UnknownNameError
from mimbench.text import listed

__all__ = ["contact_sheet", "embedded", "render", "table"]

_SIZES = range(32, 513)
_MOST_IMAGES = 90
_SWAP_PATIENTS = 72  # so many that every split leaves SWAP no fewer images than the target's 60


def embedded(seed: int = 0) -> pd.DataFrame:
    """The images of the embedded data set: target and SWAP of like size, 17 smaller categories.

    Rows and columns as of `table`.
    """
    return table(seed, swap_patients=_SWAP_PATIENTS)


def table(
    seed: int = 0,
    *,
    target_patients: int = 60,
    patients_per_category: int = 14,
    swap_patients: int | None = None,
    images_per_patient: int = 2,
    camera: Camera = PHONE,
) -> pd.DataFrame:
    """List the images of one phantom data set; by default 118 target and 492 other ones.

    Args:
        seed: any integer; another seed shows other people.
        target_patients: patients with the target morphology, 1..10000.
        patients_per_category: patients of each of the 18 other categories, 1..10000.
        swap_patients: patients of SWAP, which the swap test learns in the target's place and which
            then must be as large as the target; by default as of every other category.
        images_per_patient: usual number of images, 1..90; some patients have one more or fewer.
        camera: what the pictures are taken with; names the column `source`.

    Returns:
        One row per image: image_id, category, patient, source, skin_tone ("I".."VI"),
        tone_angle (ITA in degrees), seed, index.

    Raises:
        DataError: a number out of its range.
    """
    swap_patients = patients_per_category if swap_patients is None else swap_patients
    for name, value, most in (
        ("target_patients", target_patients, PATIENTS),
        ("patients_per_category", patients_per_category, PATIENTS),
        ("swap_patients", swap_patients, PATIENTS),
        ("images_per_patient", images_per_patient, _MOST_IMAGES),
    ):
        if not 1 <= value <= most:
            raise DataError(f"The phantom's {name} is {value}; allowed: 1..{most}.")
    patients = dict.fromkeys(CATEGORIES, patients_per_category)
    patients |= {TARGET: target_patients, SWAP: swap_patients}
    rows = []
    for category in CATEGORIES:
        for patient in range(patients[category]):
            rows += _patient_rows(seed, Index(category, patient, 0), images_per_patient, camera)
    return pd.DataFrame(rows)


def _patient_rows(
    seed: int, first: Index, images: int, camera: Camera
) -> list[dict[str, str | int | float]]:
    person = person_of(seed, first)
    return [
        {
            "image_id": image_id(camera.source, VERSION, seed, number),
            "category": first.category,
            "patient": f"phantom-{seed}-{first.patient_number:06d}",
            "source": camera.source,
            "skin_tone": person.skin_tone,
            "tone_angle": round(person.tone_angle, 1),
            "seed": seed,
            "index": number,
        }
        for number in range(first.number, first.number + image_count(seed, first, images))
    ]


def render(
    table: pd.DataFrame, size: int = 64, *, camera: Camera | None = None
) -> NDArray[np.uint8]:
    """Draw the images of a table.

    The pixels of an image depend on VERSION, its seed and index, the size and the camera, and on
    nothing else: not on the other rows, their order, or the process. Two sizes show one scene.

    Args:
        table: rows of `table`, any selection in any order.
        size: side in pixels, 32..512.
        camera: what to take all of them with; by default the one that each row's source names.

    Returns:
        uint8 (N, size, size, 3), RGB, in the order of the rows.

    Raises:
        DataError: the size is out of range, or a row is not of a phantom.
        UnknownNameError: a source is not one of CAMERAS and no camera was given.
    """
    if size not in _SIZES:
        raise DataError(f"Phantom images of {size} pixels were asked for; allowed: 32..512.")
    missing = {"seed", "index", "source"} - set(table.columns)
    if missing:
        raise DataError(f"The phantom's table lacks the {listed('column', sorted(missing))}.")
    images = np.empty((len(table), size, size, 3), np.uint8)
    for row, (seed, number, source) in enumerate(
        zip(table["seed"], table["index"], table["source"], strict=True)
    ):
        lens = camera or _camera(str(source))
        images[row] = picture(int(seed), Index.of(int(number)), size, lens)
    return images


def _camera(source: str) -> Camera:
    if source not in CAMERAS:
        raise UnknownNameError("phantom camera", source, CAMERAS)
    return CAMERAS[source]


def contact_sheet(
    size: int = 128, seed: int = 0, *, columns: int = 6, camera: Camera = PHONE
) -> NDArray[np.uint8]:
    """One labelled row of `columns` patients per category: uint8 (H, W, 3), RGB."""
    rows = table(seed, target_patients=columns, patients_per_category=columns, camera=camera)
    rows = rows.drop_duplicates("patient")
    labels = [str(category).replace("_", " ") for category in rows["category"]]
    return arrange(render(rows, size), labels, columns)
