"""The app's icon: a square of cells, every second one hidden, as MIM's mask hides them."""

from io import BytesIO

from PIL import Image, ImageDraw

__all__ = ["icon_png", "icon_svg"]

GROUND, SHOWN, HIDDEN = "#0b5394", "#f2c6a0", "#07365f"
CELLS = 4
RIM = 0.16  # of the side; a mask of the system may cut it off


def icon_svg() -> str:
    """The icon as SVG."""
    cells = "".join(
        f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" fill="{colour}"/>'
        for x, y, side, colour in _cells(100)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<rect width="100" height="100" fill="{GROUND}"/>{cells}</svg>'
    )


def icon_png(side: int) -> bytes:
    """The icon as PNG, `side` pixels wide and high."""
    image = Image.new("RGB", (side, side), GROUND)
    draw = ImageDraw.Draw(image)
    for x, y, width, colour in _cells(side):
        draw.rectangle((round(x), round(y), round(x + width) - 1, round(y + width) - 1), colour)
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _cells(side: float) -> list[tuple[float, float, float, str]]:
    """Corner, width and colour of each cell."""
    width = side * (1 - 2 * RIM) / CELLS
    return [
        (side * RIM + column * width, side * RIM + row * width, width,
         HIDDEN if (row + column) % 2 else SHOWN)
        for row in range(CELLS)
        for column in range(CELLS)
    ]  # fmt: skip
