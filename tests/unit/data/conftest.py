"""Small trees of generated images, each file different from all others."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Tree = Callable[[Iterable[str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Write an image at each path below a temporary folder and return the folder."""
    written = 0

    def write(paths: Iterable[str]) -> Path:
        nonlocal written
        for name in paths:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(written).integers(0, 256, (24, 32, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path)
            written += 1
        return tmp_path

    return write


@pytest.fixture
def folders(tree: Tree) -> Path:
    """Data with mpox and acne, six images each."""
    names = [f"data/{category}/{i}.png" for category in ("Monkey Pox", "acne") for i in range(6)]
    return tree(names) / "data"
