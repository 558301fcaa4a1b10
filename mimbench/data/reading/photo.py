"""A photo as it was read: its pixels, and what its file says."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Photo", "WholePhoto"]


@dataclass(frozen=True)
class Photo:
    """One decoded file.

    Attributes:
        pixels: uint8 (S, S, 3), RGB.
        sha256: of the file's bytes, hexadecimal.
        width: of the whole photo after its EXIF orientation, pixels.
        height: likewise.
        format: Pillow's name of the file format, found in its content.
        facts: file_facts.FACTS, of what the pixels were made from.
        dropped: what of the file was left out, in a few words: metadata that could not be read,
            further frames; mostly empty.
    """

    pixels: npt.NDArray[np.uint8]
    sha256: str
    width: int
    height: int
    format: str
    facts: Mapping[str, float]
    dropped: str = ""


@dataclass(frozen=True)
class WholePhoto:
    """One decoded file at its own size: `pixels` uint8 (H, W, 3), the rest as for Photo."""

    pixels: npt.NDArray[np.uint8]
    sha256: str
    dropped: str = ""
