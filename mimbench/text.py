"""Words for people, and text that other programs read: terminals, Markdown, XML."""

import html
import unicodedata
from collections.abc import Sequence
from textwrap import fill
from typing import Literal

__all__ = [
    "counted",
    "listed",
    "markdown_cell",
    "paragraph",
    "printable",
    "signed",
    "without_controls",
]

KEPT = "\n\t"
# Letters of many scripts are joined by invisible signs (category Cf); these alone turn text round.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def counted(number: int, noun: str, verb: Literal["", "is", "has"] = "") -> str:
    """A number and what it counts: "1 image", "2 categories"; with a verb "1 image is".

    Args:
        number: at least 0.
        noun: in the singular; of several words the last one is inflected.
        verb: what follows, in the singular.
    """
    verbs = f" {verb if number == 1 else {'is': 'are', 'has': 'have'}[verb]}" if verb else ""
    return f"{number} {noun if number == 1 else _plural(noun)}{verbs}"


def listed(noun: str, names: Sequence[str]) -> str:
    """Names after what they are: "column path", "columns path and category"."""
    *others, last = names
    return f"{_plural(noun)} {', '.join(others)} and {last}" if others else f"{noun} {last}"


def _plural(noun: str) -> str:
    """The plural of a regular English noun."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def paragraph(text: str, width: int, *, first: str = "", rest: str = "") -> str:
    """Text in lines of at most `width` characters; words stay whole, and so do names and paths.

    Args:
        text: of one paragraph.
        width: of a line.
        first: what stands before the first line.
        rest: what stands before all others.
    """
    return fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def signed(value: float) -> str:
    """A difference with two decimals: "+0.05", "-0.01"; "0.00" has no sign."""
    text = f"{value:+.2f}"
    return text[1:] if text in ("+0.00", "-0.00") else text


def printable(text: str) -> str:
    r"""Text in which nothing commands a terminal: control characters appear as `\x1b`.

    Line ends and tabs stay. So do the letters of all scripts.
    """
    return "".join(_shown(letter) if _is_command(letter) else letter for letter in text)


def without_controls(text: str) -> str:
    """The same for XML 1.0, which cannot hold control characters at all, escaped or not."""
    return "".join(
        letter if letter.isprintable() or letter in KEPT else _shown(letter) for letter in text
    )


def markdown_cell(text: str) -> str:
    """Text that neither ends a cell of a Markdown table nor starts HTML or a link, on one line."""
    plain = html.escape(printable(text.replace("\n", " ")), quote=False)
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("](", "]\\(")


def _is_command(letter: str) -> bool:
    if letter in KEPT or letter.isprintable():
        return False
    return letter in TURNING or unicodedata.category(letter) in ("Cc", "Cs")


def _shown(letter: str) -> str:
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")
