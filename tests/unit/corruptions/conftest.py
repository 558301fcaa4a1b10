"""Images that corruption tests share."""

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """Three 64x64 pictures: a smooth gradient with a bright disc, stripes, and plain noise."""
    rows, columns = np.mgrid[0:64, 0:64]
    disc = (rows - 30) ** 2 + (columns - 36) ** 2 < 200
    gradient = np.stack([rows * 3 + 40, columns * 2 + 60, 200 - rows - columns], axis=-1)
    gradient[disc] = (230, 60, 50)
    stripes = np.repeat(((columns // 4) % 2 * 180 + 30)[..., None], 3, axis=-1)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    return np.stack([gradient, stripes, noise]).astype(np.uint8)
