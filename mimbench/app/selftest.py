"""Bundled pictures with known scores, by which the page tests itself at every start."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from mimbench.app.rows import AppRow
from mimbench.data.generated import abnormal, phantom
from mimbench.data.reading.decoding import decode
from mimbench.evaluation.scoring import score_images

__all__ = ["SelfTest", "either_direction_first", "self_test"]

SIDE = 240  # pixels of the drawn pictures
KEPT = (240, 178)  # width and height of what is kept, so that decoding cuts and resizes
SEED = 7


@dataclass(frozen=True)
class SelfTest:
    """Pictures as PNG files by name, and torch's scores (F,) of each in order."""

    pictures: dict[str, bytes]
    scores: NDArray[np.float64]


def self_test(row: AppRow, canonical: int) -> SelfTest:
    """Draw three phantoms and a page of text, and score them as the benchmark would.

    Args:
        row: whose fits score.
        canonical: side to which pictures are decoded, pixels.
    """
    people = phantom.table(SEED, target_patients=2, patients_per_category=1).iloc[[0, 2, -1]]
    pages = abnormal.table(1, SEED)
    drawn = [
        *phantom.render(people, SIDE),
        *abnormal.render(pages[pages["category"] == "text_page"], SIDE),
    ]
    pictures = {
        f"test-{number}.png": _png(picture[: KEPT[1], : KEPT[0]])
        for number, picture in enumerate(drawn)
    }
    pixels = np.stack([decode(content, canonical).pixels for content in pictures.values()])
    columns = [
        score_images(fit, pixels, row.size, torch.device("cpu"))[row.name] for fit in row.fits
    ]
    return SelfTest(pictures, np.stack(columns, axis=1))


def either_direction_first() -> bool:
    """Whether this release of Pillow resizes high pictures downwards first; older ones never do."""
    noise = np.random.default_rng(0).integers(0, 256, (104, 75), dtype=np.uint8)
    image, lanczos = Image.fromarray(noise), Image.Resampling.LANCZOS
    top = (104 - 75) / 2
    box = (0, top, 75, top + 75)
    once = image.resize((64, 64), lanczos, box=box)
    low = image.resize((75, 64), lanczos, box=box)
    return bool((np.asarray(once) == np.asarray(low.resize((64, 64), lanczos))).all())


def _png(picture: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
