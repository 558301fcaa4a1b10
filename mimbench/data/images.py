"""From a file's bytes to RGB uint8 at the canonical size, or the reason why not."""

import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mimbench.data.file_facts import border_facts, header_facts
from mimbench.data.harmonise import reencode

__all__ = ["MAX_PIXELS", "MIN_SIDE", "Photo", "Unreadable", "decode", "finish", "read_photos"]

MAX_PIXELS = 250_000_000
MIN_SIDE = 16

# Formats that Pillow decodes by itself and knows by their first bytes. EPS is not among them: it
# would start Ghostscript on a file from the network; TGA neither: almost anything passes for one.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


class Unreadable(Exception):  # noqa: N818 - no error for the user: the file goes to `rejected`
    """Why a file is no photo; the message completes "rejected because"."""


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
    """

    pixels: npt.NDArray[np.uint8]
    sha256: str
    width: int
    height: int
    format: str
    facts: Mapping[str, float]


def read_photos(paths: Sequence[Path], size: int, harmonise: bool = False) -> list[Photo | str]:
    """Read and decode many files with a few threads, in the order given.

    Args:
        paths: of the files.
        size: canonical size, pixels.
        harmonise: give all pictures the same history first, see `harmonise.reencode`.

    Returns:
        For each path a Photo at `size` pixels a side, or the reason why it is none.
    """
    workers = min(8, os.cpu_count() or 1)
    with _pillow_limits(), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda path: _read(path, size, harmonise), paths))


def _read(path: Path, size: int, harmonise: bool) -> Photo | str:
    try:
        return _decode(path.read_bytes(), size, harmonise)
    except FileNotFoundError:
        return "the file does not exist"
    except Unreadable as error:
        return str(error)
    except OSError as error:
        return f"the file cannot be read: {error.strerror or error}"


def decode(data: bytes, size: int, harmonise: bool = False) -> Photo:
    """Decode one file to RGB uint8, `size` pixels a side.

    The short side is resized to `size` with a Lanczos filter, which averages over all pixels it
    leaves out (no aliasing that a detector could mistake for texture), and the middle square is
    kept: squeezing would change the shape of lesions by the photo's format, padding would add
    borders that tell collections apart.

    EXIF orientation is applied, transparency is laid on white, 16 bits become 8, and of an
    animation the first picture counts. Colour profiles are not applied.

    Raises:
        Unreadable: with the reason.
    """
    with _pillow_limits():
        return _decode(data, size, harmonise)


def finish(
    rgb: Image.Image, header: Mapping[str, float], size: int, harmonise: bool
) -> tuple[npt.NDArray[np.uint8], Mapping[str, float]]:
    """Bring a decoded picture to the canonical square.

    Returns:
        uint8 (size, size, 3), and FACTS of the file that it was made from.
    """
    if harmonise:
        data = reencode(rgb, size)
        with _open(data) as image:
            header = header_facts(image, *image.size, len(data))
            rgb = image.convert("RGB")
    side = min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    box = (left, top, left + side, top + side)
    square = rgb.resize((size, size), Image.Resampling.LANCZOS, box=box)
    return np.asarray(square), {**header, **border_facts(rgb)}


def _decode(data: bytes, size: int, harmonise: bool) -> Photo:
    if not data:
        raise Unreadable("the file is empty")
    try:
        with _open(data) as image:
            return _photo(image, data, size, harmonise)
    except Unreadable:
        raise
    except UnidentifiedImageError as error:
        raise Unreadable(_not_an_image(data)) from error
    # Malformed files make Pillow's plug-ins raise nearly anything, and none may end a run.
    except Exception as error:
        raise Unreadable(f"broken image: {str(error) or type(error).__name__}") from error


def _open(data: bytes) -> Image.Image:
    Image.init()
    try:
        return Image.open(BytesIO(data), formats=[name for name in _FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more than {MAX_PIXELS // 10**6} megapixels") from error


def _photo(image: Image.Image, data: bytes, size: int, harmonise: bool) -> Photo:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unreadable(f"more than {MAX_PIXELS // 10**6} megapixels")
    if min(width, height) < MIN_SIDE:
        raise Unreadable(f"{width}×{height} pixels; the short side must have {MIN_SIDE} or more")
    name = image.format or "unknown"
    header = header_facts(image, width, height, len(data))
    image.draft("RGB", (4 * size, 4 * size))  # a JPEG much larger than needed, decoded coarsely
    upright = ImageOps.exif_transpose(image)
    if (upright.width > upright.height) != (width > height):
        width, height = height, width
    pixels, facts = finish(_to_rgb(upright), header, size, harmonise)
    return Photo(pixels, hashlib.sha256(data).hexdigest(), width, height, name, facts)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = _to_eight_bits(image)
    elif image.mode == "F":
        raise Unreadable("floating-point pixels, whose range nothing says")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits, of which Pillow would keep the lower eight."""
    values = np.asarray(image).astype(np.float64)
    if values.min() < 0 or values.max() > 65535:
        raise Unreadable("grey values outside the range of 16 bits")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _not_an_image(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "HEIC is not supported; convert it to JPEG or PNG"
    return "the content is no image format that can be read"


@contextmanager
def _pillow_limits() -> Iterator[None]:
    """Let Pillow refuse only above MAX_PIXELS, and keep its warnings of odd metadata silent.

    Pillow raises above twice its limit and warns above once; the file is judged here instead.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
