"""How much memory decoders may take together."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Condition
from typing import Any

from PIL import Image

__all__ = ["BUDGET", "MAX_MEMORY", "Budget", "decoding_bytes"]

BUDGET = 2**30  # bytes, of all decoders of a process together
MAX_MEMORY = 2_500_000_000  # bytes that one image may take

_RGB = 4  # bytes per pixel: Pillow stores three channels in four bytes
_WORK = 4  # bytes per pixel, for the facts of the borders or for a copy as an array
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_COEFFICIENTS = 6  # bytes per pixel of a whole progressive JPEG: three channels of two bytes


class Budget:
    """Lets threads decode at the same time while their images fit into memory together.

    An image that is larger than the whole budget is decoded while no other one is.
    """

    def __init__(self, total: int, alone: AbstractContextManager[Any] | None = None) -> None:
        """Make a budget.

        Args:
            total: bytes.
            alone: held while an image is decoded that is larger than the whole budget.
        """
        self.total = total
        self._alone = alone or nullcontext()
        self.used = 0
        self._changed = Condition()

    @contextmanager
    def reserve(self, needed: int) -> Iterator[None]:
        """Wait until there is room for `needed` bytes, and keep them for the time of the block."""
        with self._alone if needed > self.total else nullcontext():
            with self._changed:
                self._changed.wait_for(lambda: not self.used or self.used + needed <= self.total)
                self.used += needed
            try:
                yield
            finally:
                with self._changed:
                    self.used -= needed
                    self._changed.notify_all()


def decoding_bytes(image: Image.Image, whole: int) -> int:
    """Bytes that decoding takes at most, judged before it begins.

    Args:
        image: as Pillow opened it, at the size at which it will be decoded.
        whole: pixels of the file, of which a JPEG may be decoded at a fraction.
    """
    stored = _STORED.get(image.mode, 4)
    per_pixel = stored + (_RGB if image.mode != "RGB" else 0) + _WORK
    if "exif" in image.info or image.format == "TIFF":  # it may have to be turned
        per_pixel += stored
    progressive = "progressive" in image.info or "progression" in image.info
    return image.width * image.height * per_pixel + whole * _COEFFICIENTS * progressive
