"""Images that lie as arrays in an archive (.npz), each with a path of its own below the archive.

`derm.npz/train/12` is image 12 of the array train_images, as a PGM or PPM file in memory: so all
that reads files reads these, and the identity of an image is that of its pixels.
"""

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

from mimbench.data.reading.file_names import shown
from mimbench.errors import DataError

__all__ = ["LARGEST_ARRAY", "PARTS", "Archive", "archived_image"]

PARTS = {"train": "train", "val": "validation", "test": "test"}
LARGEST_ARRAY = 2**30  # bytes

_SUFFIX = ".npz"
_one_array = Lock()


@dataclass(frozen=True)
class Archive:
    """An archive with the arrays `<part>_images` and `<part>_labels`."""

    path: Path

    def image(self, part: str, number: int) -> Path:
        """The path that stands for one image."""
        return self.path / part / str(number)

    def labels(self, part: str) -> npt.NDArray[np.int64]:
        """The labels of a part, (N,); none if the archive lacks the part.

        Raises:
            DataError: not an archive of images with one label each.
        """
        images = self._shape(f"{part}_images")
        if images is None:
            return np.zeros(0, dtype=np.int64)
        labels = _array(self.path, f"{part}_labels")
        colours = len(images) == 3 or (len(images) == 4 and images[3] == 3)
        if (
            not colours
            or images[1] == images[-1] == 3
            or labels.shape not in ((images[0],), (images[0], 1))
        ):
            raise DataError(
                f"{shown(self.path)}: {part}_images has the shape {images} and {part}_labels "
                f"{labels.shape}; mimbench reads two-dimensional images, grey or RGB, with one "
                "label each."
            )
        if labels.dtype.kind not in "iu":
            raise DataError(
                f"{shown(self.path)}: {part}_labels has {labels.dtype} values; expected integers."
            )
        return labels.reshape(-1).astype(np.int64)

    def _shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of an array of bytes, read without the array."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                if f"{name}.npy" not in archive.namelist():
                    return None
                if archive.getinfo(f"{name}.npy").file_size > LARGEST_ARRAY:
                    raise DataError(
                        f"{shown(self.path)}: {name} has more than {LARGEST_ARRAY / 2**30:.0f} GB; "
                        "take the archive at a smaller size."
                    )
                with archive.open(f"{name}.npy") as file:
                    version = np.lib.format.read_magic(file)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(file)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"{shown(self.path)} is not a readable archive: {error}.") from error
        if dtype != np.uint8:
            raise DataError(f"{shown(self.path)}: {name} has {dtype} values; expected uint8.")
        return tuple(shape)


def archived_image(path: Path) -> bytes | None:
    """The image that a path below an archive stands for; None for all other paths.

    Raises:
        DataError: the archive cannot be read.
    """
    archive, part = path.parent.parent, path.parent.name
    if archive.suffix != _SUFFIX or not archive.is_file():
        return None
    with _one_array:
        images = _array(archive, f"{part}_images", archive.stat().st_mtime_ns)
    pixels = images[int(path.name)]
    height, width = pixels.shape[:2]
    kind = "P6" if pixels.ndim == 3 else "P5"
    return f"{kind} {width} {height} 255\n".encode() + np.ascontiguousarray(pixels).tobytes()


@lru_cache(maxsize=2)  # threads that read in order are in two parts at most
def _array(archive: Path, name: str, changed: int = 0) -> npt.NDArray[np.uint8]:
    try:
        with np.load(archive, allow_pickle=False) as content:
            array: npt.NDArray[np.uint8] = content[name]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{shown(archive)} is not a readable archive: {error}.") from error
    return array
