"""Small photos for tests: noise around one grey level per category."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_category(folder: Path, level: int, patients: int, seed: int) -> None:
    """Two noisy images of one grey level per patient, named patient_image.png."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for patient in range(patients):
        for image in range(2):
            pixels = rng.normal(level, 12, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{patient:02d}_{image}.png")
