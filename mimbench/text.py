"""Text that other programs will read: terminals, spreadsheets, Markdown and XML."""

import html
import unicodedata

__all__ = ["markdown_cell", "printable", "without_controls"]

KEPT = "\n\t"
# Letters of many scripts are joined by invisible signs (category Cf); these alone turn text round.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


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
