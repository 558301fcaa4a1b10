"""What the page may do: show what it holds, run its own script, load nothing.

A run's folder may come from a stranger, and so may its figures. They stand on the page as images,
in which a browser runs no script; and the page's policy allows the script and the style by hash.
"""

import base64
import hashlib
import re

from mimbench.report.figures.panels import GRID_INK, INK, PAPER

__all__ = ["figure_uri", "picture_uri", "policy"]

PICTURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}  # how such files begin
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
    text = re.sub(r"<svg[^>]*>", lambda found: f"{found[0]}{_colours(style)}", text, count=1)
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode('ascii')}"


def picture_uri(content: bytes) -> str | None:
    """A PNG or JPEG picture for the page; None for anything else."""
    for kind, start in PICTURES.items():
        if content.startswith(start):
            return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return None


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _colours(style: str) -> str:
    """The page's neutral colours, by day and by night, as a style of the figure's own."""
    rules = []
    for number, media in enumerate(("{}", "@media screen and (prefers-color-scheme: dark) {{{}}}")):
        values = [
            f"{name}: {re.findall(rf'{name}: (#[0-9a-f]+)', style)[number]}"
            for name in VARIABLES.values()
        ]
        rules.append(media.format(f":root {{{'; '.join(values)}}}"))
    return f"<style>{' '.join(rules)}</style>"
