"""Contact sheets: many small pictures on one page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mimbench.errors import DataError
from mimbench.text import counted

__all__ = ["contact_sheet"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_GAP = 6
_INK = (45, 45, 45)


def contact_sheet(
    images: NDArray[np.uint8], labels: Sequence[str], columns: int = 6
) -> NDArray[np.uint8]:
    """Arrange images in a grid on white, row by row, each with its label below.

    Args:
        images: uint8 (N, H, W, 3), RGB, N at least 1.
        labels: one text per image; cut with an ellipsis where it is wider than the image.
        columns: images per row, at least 1.

    Returns:
        uint8 (rows, columns, 3), RGB.

    Raises:
        DataError: no images, or not one label per image.
    """
    if not len(images) or len(labels) != len(images) or columns < 1:
        raise DataError(
            f"A contact sheet needs images, a label for each and at least one column; got "
            f"{counted(len(images), 'image')}, {counted(len(labels), 'label')} and "
            f"{counted(columns, 'column')}."
        )
    _, height, width, _ = images.shape
    text = max(9, min(width // 9, 18))
    font = ImageFont.load_default(text)
    band = round(1.5 * text)
    rows = -(-len(images) // columns)
    cell = (height + band + _GAP, width + _GAP)
    page = np.full((rows * cell[0] + _GAP, columns * cell[1] + _GAP, 3), 255, np.uint8)
    for number, picture in enumerate(images):
        top, left = _corner(number, columns, cell)
        page[top : top + height, left : left + width] = picture
    drawn = Image.fromarray(page)
    pen = ImageDraw.Draw(drawn)
    for number, label in enumerate(labels):
        top, left = _corner(number, columns, cell)
        middle = (left + width // 2, top + height + band // 2)
        pen.text(middle, _fitted(label, font, width), fill=_INK, font=font, anchor="mm")
    return np.asarray(drawn, np.uint8)


def _corner(number: int, columns: int, cell: tuple[int, int]) -> tuple[int, int]:
    """Top left pixel of the picture with this number."""
    row, column = divmod(number, columns)
    return _GAP + row * cell[0], _GAP + column * cell[1]


def _fitted(label: str, font: Font, width: int) -> str:
    """The label, shortened until it is no wider than `width` pixels."""
    if font.getlength(label) <= width:
        return label
    while label and font.getlength(label + "…") > width:
        label = label[:-1]
    return label.rstrip() + "…"
