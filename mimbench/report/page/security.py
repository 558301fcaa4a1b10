"""What the page may do: show what it holds, run its own script, load nothing.

A run's folder may come from a stranger, and so may its figures. They stand on the page as images,
in which a browser runs no script; and the page's policy allows the script and the style by hash.
"""

import base64
import hashlib
import re
from contextlib import suppress
from io import BytesIO
from urllib.parse import quote

from PIL import Image

from mimbench.report.figures.panels import GRID_INK, INK, PAPER

__all__ = ["figure_uri", "picture_uri", "policy"]

PICTURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}  # how such files begin
QUALITY = 85  # of pictures, of 100
PLAIN = " !$()*+,-./:;=?@[]^_`{|}~"  # what needs no escape in an address within double quotes
VARIABLES = {INK: "--ink", GRID_INK: "--line", PAPER: "--card"}  # of the page's style


def policy(script: str, style: str) -> str:
    """Content-Security-Policy of a page with this script and this style, as between their tags.

    Source: W3C, Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
    """
    return (
        f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; "
        f"style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    )


def figure_uri(svg: str, style: str) -> str:
    """A figure as an image of no fixed size whose neutral colours follow light and dark.

    Args:
        svg: content of the file.
        style: of the page; has the colours.
    """
    start = svg.find("<svg")
    text = re.sub(r"<metadata>.*?</metadata>", "", svg[max(start, 0) :], count=1, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)  # a hundredth of a point cannot be seen
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    text, rules = _classes(text)
    inner = f"<style>{_colours(style)} {rules}</style>"
    text = re.sub(r"<svg[^>]*>", lambda found: f"{found[0]}{inner}", text, count=1)
    text = re.sub(r"\s*\n\s*", " ", text)
    return f"data:image/svg+xml,{quote(text, safe=PLAIN)}"  # a quarter shorter than base64


def picture_uri(content: bytes) -> str | None:
    """A PNG or JPEG picture for the page; None for anything else.

    A PNG becomes a WebP, which at this quality takes an eighth; the run's folder keeps the file.
    One that cannot be decoded stays as it is: a browser shows that it is damaged.
    """
    kind = next((kind for kind, start in PICTURES.items() if content.startswith(start)), None)
    if kind == "png":
        with suppress(OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError):
            kind, content = "webp", _webp(content)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}" if kind else None


def _webp(content: bytes) -> bytes:
    written = BytesIO()
    with Image.open(BytesIO(content)) as picture:
        picture.save(written, "WEBP", quality=QUALITY, method=6)
    return written.getvalue()


def _classes(text: str) -> tuple[str, str]:
    """A figure whose few styles, repeated in a thousand elements, are classes; and their rules."""
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return f'class="{names.setdefault(found[1], f"s{len(names)}")}"'

    text = re.sub(r'(?<= )style="([^"<>{}]*)"', named, text)
    return text, " ".join(f".{name} {{{rule}}}" for rule, name in names.items())


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _colours(style: str) -> str:
    """The page's neutral colours, by day and by night, as rules for the figure."""
    rules = []
    for number, media in enumerate(("{}", "@media screen and (prefers-color-scheme: dark) {{{}}}")):
        values = [
            f"{name}: {re.findall(rf'{name}: (#[0-9a-f]+)', style)[number]}"
            for name in VARIABLES.values()
        ]
        rules.append(media.format(f":root {{{'; '.join(values)}}}"))
    return " ".join(rules)
