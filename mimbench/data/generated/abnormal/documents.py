"""Paper and screens. Each takes a stream and a size in pixels, and draws larger than asked."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["code", "screenshot", "shapes", "text_page"]

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SIDE = 512
_SYLLABLES = ("ka", "lo", "mi", "ren", "sta", "to", "ver", "an", "de", "ous", "pli", "qua", "is")


def text_page(rng: np.random.Generator, size: int) -> Picture:
    """A photographed page: a heading and paragraphs of made-up words, slightly askew."""
    del size
    paper, ink = _grey(rng, 215, 250), _grey(rng, 10, 70)
    page = Image.new("RGB", (_SIDE, _SIDE), paper)
    pen = ImageDraw.Draw(page)
    letter, left = int(rng.integers(15, 30)), int(rng.integers(20, 60))
    top = int(rng.integers(-30, 50))
    pen.text((left, top), _words(rng, 2).title(), ink, _font(round(1.7 * letter)))
    font = _font(letter)
    top += 3 * letter
    while top < _SIDE:
        for _ in range(int(rng.integers(3, 9))):
            _line(pen, rng, (left, top), _SIDE - left, font, ink)
            top += round(1.45 * letter)
        top += letter
    askew = _turned(page, float(rng.normal(0.0, 3.0)), paper)
    shade = np.linspace(1.0, float(rng.uniform(0.7, 1.0)), _SIDE)
    shade = shade[:, None, None] if rng.random() < 0.5 else shade[None, :, None]
    return (askew * shade).astype(np.uint8)


def screenshot(rng: np.random.Generator, size: int) -> Picture:
    """An application's window: title bar, side bar, cards with text and buttons."""
    del size
    dark = bool(rng.random() < 0.4)
    paper, card, ink = (
        (_grey(rng, 18, 40), _grey(rng, 45, 70), _grey(rng, 190, 235))
        if dark
        else (_grey(rng, 225, 245), (255, 255, 255), _grey(rng, 30, 80))
    )
    accent = _colour(rng)
    page = Image.new("RGB", (_SIDE, _SIDE), paper)
    pen = ImageDraw.Draw(page)
    bar, side = int(rng.integers(30, 60)), int(rng.choice((0, 90, 130)))
    pen.rectangle((0, 0, _SIDE, bar), accent)
    pen.text((16, bar // 2), _words(rng, 2).title(), (255, 255, 255), _font(20), anchor="lm")
    for row in range(8 if side else 0):
        top = bar + 18 + row * 48
        pen.rounded_rectangle((12, top, 34, top + 22), 5, _colour(rng))
        pen.text((42, top + 11), _words(rng, 1), ink, _font(15), anchor="lm")
    top, columns = bar + 14, int(rng.integers(1, 4))
    width = (_SIDE - side - 14) // columns
    height = int(rng.integers(90, 200))
    while top < _SIDE:
        for column in range(columns):
            left = side + 14 + column * width
            _card(pen, rng, (left, top, left + width - 14, top + height), card, ink)
        top += height + 14
    return np.asarray(page, np.uint8)


def _card(
    pen: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    box: tuple[int, int, int, int],
    paper: Colour,
    ink: Colour,
) -> None:
    left, top, right, bottom = box
    pen.rounded_rectangle(box, 8, paper)
    picture = (bottom - top) // 3 if rng.random() < 0.5 else 0
    if picture:
        pen.rectangle((left + 8, top + 8, right - 8, top + picture), _colour(rng))
    line = top + picture + 10
    while line < bottom - 44:
        _line(pen, rng, (left + 10, line), right - 10, _font(14), ink)
        line += 20
    pen.rounded_rectangle((left + 10, bottom - 30, left + 80, bottom - 10), 6, _colour(rng))


def code(rng: np.random.Generator, size: int) -> Picture:
    """A bar code or a QR-like code on a light label."""
    del size
    paper = _grey(rng, 200, 255)
    page = Image.new("RGB", (_SIDE, _SIDE), paper)
    draw = _bar_code if rng.random() < 0.5 else _matrix_code
    draw(ImageDraw.Draw(page), rng, _grey(rng, 0, 45))
    return _turned(page, float(rng.normal(0.0, 5.0)), paper)


def _bar_code(pen: ImageDraw.ImageDraw, rng: np.random.Generator, ink: Colour) -> None:
    left, right = int(rng.integers(30, 90)), _SIDE - int(rng.integers(30, 90))
    top, bottom = int(rng.integers(60, 180)), int(rng.integers(320, 420))
    unit, x = int(rng.integers(3, 6)), left
    while x < right:
        bar, gap = (unit * int(step) for step in rng.integers(1, 4, 2))
        pen.rectangle((x, top, x + bar - 1, bottom), ink)
        x += bar + gap
    digits = "".join(str(digit) for digit in rng.integers(0, 10, 13))
    pen.text((_SIDE // 2, bottom + 8), digits, ink, _font(40), anchor="mt")


def _matrix_code(pen: ImageDraw.ImageDraw, rng: np.random.Generator, ink: Colour) -> None:
    modules = int(rng.choice((21, 25, 29)))
    cells = rng.random((modules, modules)) < 0.5
    for row, column in ((0, 0), (0, modules - 7), (modules - 7, 0)):
        cells[max(row - 1, 0) : row + 8, max(column - 1, 0) : column + 8] = False
        cells[row : row + 7, column : column + 7] = True
        cells[row + 1 : row + 6, column + 1 : column + 6] = False
        cells[row + 2 : row + 5, column + 2 : column + 5] = True
    unit = int(rng.integers(280, 440)) // modules
    start = (_SIDE - unit * modules) // 2
    for row, column in np.argwhere(cells):
        left, top = start + unit * int(column), start + unit * int(row)
        pen.rectangle((left, top, left + unit - 1, top + unit - 1), ink)


def shapes(rng: np.random.Generator, size: int) -> Picture:
    """A drawing of discs, boxes, triangles and lines in flat colours."""
    del size
    page = Image.new("RGB", (_SIDE, _SIDE), _colour(rng))
    pen = ImageDraw.Draw(page)
    for _ in range(int(rng.integers(4, 13))):
        x, y = rng.integers(0, _SIDE, 2).tolist()
        reach = int(rng.integers(30, 130))
        angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, 3))
        corners = [(x + reach * float(np.cos(a)), y + reach * float(np.sin(a))) for a in angles]
        kind = int(rng.integers(4))
        if kind == 0:
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), _colour(rng))
        elif kind == 1:
            pen.rectangle((x - reach, y - reach // 2, x + reach, y + reach // 2), _colour(rng))
        elif kind == 2:
            pen.polygon(corners, _colour(rng))
        else:
            pen.line(corners, _colour(rng), width=int(rng.integers(4, 20)), joint="curve")
    return np.asarray(page, np.uint8)


def _line(
    pen: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    start: tuple[int, int],
    right: int,
    font: Font,
    ink: Colour,
) -> None:
    """One line of words that ends before `right`."""
    text = _words(rng, 2 + (right - start[0]) // round(6.0 * font.getlength("n")))
    while text and font.getlength(text) > right - start[0]:
        text = text.rpartition(" ")[0]
    pen.text(start, text, ink, font)


def _words(rng: np.random.Generator, count: int) -> str:
    """Made-up words of one to three syllables."""
    lengths = rng.integers(1, 4, count).tolist()
    drawn = iter(rng.integers(0, len(_SYLLABLES), sum(lengths)).tolist())
    return " ".join("".join(_SYLLABLES[next(drawn)] for _ in range(n)) for n in lengths)


def _turned(page: Image.Image, degrees: float, paper: Colour) -> Picture:
    """The page turned about its centre on a ground of its own colour."""
    turn = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), degrees, 1.0)
    flat = np.asarray(page, np.uint8)
    return np.asarray(cv2.warpAffine(flat, turn, (_SIDE, _SIDE), borderValue=paper), np.uint8)


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _grey(rng: np.random.Generator, low: int, high: int) -> Colour:
    level = int(rng.integers(low, high + 1))
    return (level, level, level)


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(20, 245, 3).tolist()
    return (red, green, blue)
