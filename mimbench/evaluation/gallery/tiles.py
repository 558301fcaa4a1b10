"""How the pictures of a gallery are put together."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Picture", "beside", "difference", "ladder", "masked", "picture", "png"]

Picture = NDArray[np.uint8]  # (H, W, 3), RGB
LARGEST = 128  # side of a tile, pixels; larger images are shrunk
MASK_GREY = np.uint8(160)


def picture(image: Tensor) -> Picture:
    """An image (3, H, W) as a picture."""
    array: Picture = image.permute(1, 2, 0).cpu().numpy()
    return array


def masked(original: Picture, mask: Tensor) -> Picture:
    """The original with hidden pixels in grey."""
    hidden = mask.cpu().numpy().astype(bool)[..., None]
    return np.where(hidden, MASK_GREY, original)


def difference(original: Picture, made: Picture) -> Picture:
    """Mean absolute difference over the channels: black is none, a quarter of the range white."""
    gap = np.abs(original.astype(np.int16) - made).mean(axis=2)
    heat = cv2.applyColorMap(np.clip(4 * gap, 0, 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.cvtColor(heat, cv2.COLOR_BGR2RGB), np.uint8)


def beside(tiles: Sequence[Picture]) -> Picture:
    """Tiles of equal size in a row."""
    return np.concatenate([_shrunk(tile) for tile in tiles], axis=1)


def ladder(rows: Sequence[Sequence[Picture]]) -> Picture:
    """Rows of tiles below each other."""
    return np.concatenate([beside(row) for row in rows], axis=0)


def png(image: Picture) -> bytes:
    """The picture as a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def _shrunk(tile: Picture) -> Picture:
    if tile.shape[0] <= LARGEST:
        return tile
    return np.asarray(cv2.resize(tile, (LARGEST, LARGEST), interpolation=cv2.INTER_AREA), np.uint8)
