"""From a file's bytes to an open image: one list of formats, upright, whatever its metadata."""

import ctypes
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import PIL
from PIL import Image, UnidentifiedImageError

from mimbench.data.reading.archives import archived_image
from mimbench.errors import MimbenchError

__all__ = ["MAX_FILE", "MAX_PIXELS", "Unreadable", "file_bytes", "opened", "pillow_limits"]
__all__ += ["further_frames", "upright"]

MAX_PIXELS = 250_000_000
MAX_FILE = 10**9  # bytes

# Formats that Pillow decodes by itself and knows by their first bytes. EPS is not among them: it
# would start Ghostscript on a file from the network; TGA neither: almost anything passes for one.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM")
_HEIF = "HEIF"  # known to Pillow where pillow-heif is installed
# Formats whose files can hold several pictures. MPO is not among them: its further pictures are
# previews and maps of light of the first one, as many phones write them.
_SEVERAL = ("GIF", "PNG", "TIFF", "WEBP", "AVIF", _HEIF)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Unreadable(Exception):  # noqa: N818 - no error for the user: the file goes to `rejected`
    """Why a file is no photo; the message completes "rejected because"."""


def file_bytes(path: Path) -> bytes:
    """Content of a regular file, or of an image in an archive.

    Raises:
        Unreadable: with the reason.
    """
    try:
        archived = archived_image(path)
    except (MimbenchError, ValueError, IndexError, OSError) as error:
        raise Unreadable(f"its archive cannot be read: {error}") from error
    if archived is not None:
        return archived
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise Unreadable("a folder, not a file")
        if not stat.S_ISREG(about.st_mode):  # reading a pipe or device might never end
            raise Unreadable("a pipe, socket or device, not a file")
        if about.st_size > MAX_FILE:
            raise Unreadable(f"a file of more than {MAX_FILE // 10**9} GB")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Unreadable("the file does not exist") from error
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror or error}") from error


def opened(data: bytes) -> Image.Image:
    """A file's image before its pixels are decoded.

    Raises:
        Unreadable: an empty file, no image, or one that is too large.
    """
    if not data:
        raise Unreadable("the file is empty")
    Image.init()
    known: tuple[str, ...] = _FORMATS
    if _brand(data) in _HEIC_BRANDS and _reads_heif():
        known = (*known, _HEIF)
    try:
        image = Image.open(BytesIO(data), formats=[name for name in known if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more than {MAX_PIXELS // 10**6} megapixels") from error
    except UnidentifiedImageError as error:
        raise Unreadable(_not_an_image(data)) from error
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(f"more than {MAX_PIXELS // 10**6} megapixels")
    if image.width * image.height * _bits_per_pixel(image) > 8 * len(data):
        raise Unreadable(
            f"{image.width}×{image.height} pixels without compression, which a file of {len(data)} "
            "bytes cannot hold"
        )
    return image


def _bits_per_pixel(image: Image.Image) -> int:
    """Bits that a file has at least for each pixel; 0 where it may be compressed.

    Without this, a header alone would cost the memory and time of the image that it announces.
    """
    decoders = {tile[0] for tile in getattr(image, "tile", ())}
    if image.format == "PPM":
        return 8 * len(image.getbands()) if image.mode != "1" else 1
    if image.format in ("BMP", "DIB") and decoders == {"raw"}:
        return 8 if image.mode == "RGB" else 1
    return 0


def upright(image: Image.Image) -> tuple[Image.Image, str]:
    """The decoded image, turned as its EXIF orientation says, and what of that could not be read.

    Unlike Pillow's `exif_transpose`, nothing is written back, which broken metadata can prevent.
    """
    image.load()
    try:
        exif = image.getexif()
        orientation = exif.get(_ORIENTATION)
        given = (image.info.get("exif") or b"").removeprefix(b"Exif\0\0")
        problem = "its EXIF data" if given and not len(exif) else ""
    # Malformed metadata makes Pillow raise nearly anything.
    except Exception:
        return image, "its EXIF data"
    if orientation in _TURNS:
        return image.transpose(_TURNS[orientation]), problem
    return image, problem if orientation in (None, 0, 1) else "its EXIF orientation"


def further_frames(data: bytes, form: str | None) -> str:
    """Which frames of a file are not read, since the first alone is; empty if it has no others.

    Args:
        data: of the file.
        form: its format, as Pillow names it.
    """
    if form not in _SEVERAL:
        return ""
    try:
        with opened(data) as image:
            others = getattr(image, "n_frames", 1) - 1
    # Malformed frames after the first make Pillow raise nearly anything.
    except Exception:
        return ""
    return f"its {others} further frame{'s' * (others > 1)}" if others > 0 else ""


def _brand(data: bytes) -> bytes:
    """What the first bytes of a file of the HEIF family say that it is; empty for other files."""
    return data[8:12] if data[4:8] == b"ftyp" else b""


@cache
def _reads_heif() -> bool:
    """Whether pillow-heif is installed; Pillow knows its format then."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def _not_an_image(data: bytes) -> str:
    brand = _brand(data)
    if brand in _HEIC_BRANDS and _reads_heif():
        return "a HEIC photo that is broken"
    if brand in _HEIC_BRANDS:
        return "a HEIC photo; to read it: pip install 'mimbench[heif]', or convert it to JPEG"
    if brand in _AVIF_BRANDS:
        return "an AVIF photo that this Pillow does not read; a newer one does, from 11.3 on"
    return "the content is not in an image format that mimbench reads"


@cache
def _keep_libtiff_silent() -> None:
    """Let libtiff not print to the terminal what it finds wrong; Pillow raises an error anyway.

    Pillow has no function for it, so libtiff's own is called where Pillow's wheel brings libtiff.
    """
    package = Path(PIL.__file__).parent
    for folder in (package.parent / "pillow.libs", package / ".dylibs"):
        for path in folder.glob("libtiff*"):
            with suppress(OSError, AttributeError):
                ctypes.CDLL(str(path)).TIFFSetErrorHandler(None)


@contextmanager
def pillow_limits() -> Iterator[None]:
    """Let Pillow refuse only above MAX_PIXELS, and keep its warnings of odd metadata silent.

    Pillow raises above twice its limit and warns above once; the file is judged here instead.
    """
    _keep_libtiff_silent()
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
