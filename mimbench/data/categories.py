"""One spelling for each category, whatever a folder or a CSV file calls it."""

import re
import unicodedata
from collections.abc import Iterable

from mimbench.data.reading.file_names import shown
from mimbench.errors import DataError

__all__ = ["MPOX", "canonical_category", "check_categories"]

MPOX = "mpox"

_SYNONYMS = {
    "monkeypox": MPOX,
    "monkey_pox": MPOX,
    "mkp": MPOX,
    "mpx": MPOX,
    "chicken_pox": "chickenpox",
    "cow_pox": "cowpox",
}
_COPIES = re.compile(r"_aug(mented)?$")
_DOTTED_I = "i\u0307"  # what becomes of the Turkish capital I with a dot
# In a name's kinds of characters, see `_kind`: spaces at its ends, and what parts two words.
_SPELLING = re.compile(r"(?P<edge>^s+|s+$)|(?P<between>(?<=w)(?:-+|s+-+s+)(?=w)|s+)|.")


def canonical_category(name: str) -> str:
    """Return the canonical spelling: lower case, words joined by `_`, synonyms resolved.

    "Monkey Pox", "Monkeypox", "MKP" and "Monkeypox_augmented" all give "mpox". Letters keep their
    marks in every script. A name without a letter or digit gives the empty string.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    folded = folded.replace(_DOTTED_I, "i")
    kept = "".join(letter if _in_words(letter) else " " for letter in folded if _visible(letter))
    words = [word for word in kept.split() if any(map(str.isalnum, word))]
    joined = _COPIES.sub("", "_".join(words))
    return _SYNONYMS.get(joined, joined)


def check_categories(found: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Check that every name gives a category, and that no two different names give the same one.

    Names that differ by case, by spaces, hyphens or underscores between words, or as synonyms, are
    one name.

    Args:
        found: (name, where it stands) of each category, as folders and CSV files spell it.

    Returns:
        Notes on several spellings of one category.

    Raises:
        DataError: a name without a letter or digit, or two names that differ by a sign alone.
    """
    spellings: dict[str, dict[str, str]] = {}
    for name, where in found:
        category = canonical_category(name)
        if not category:
            raise DataError(
                f"{where}: the category '{shown(name)}' has no letter or digit in its name; "
                "rename it."
            )
        spellings.setdefault(category, {}).setdefault(name, where)
    notes = []
    for category, places in sorted(spellings.items()):
        names = sorted(places)
        first, *others = names
        for other in others:
            if _spelling(other) != _spelling(first):
                raise DataError(
                    f"The categories '{_told(first)}' ({places[first]}) and '{_told(other)}' "
                    f"({places[other]}) would both become '{category}'. Rename one of them, with "
                    "a letter or digit that the other lacks."
                )
        if others:
            quoted = ", ".join(f"'{_told(name)}'" for name in names)
            notes.append(f"read as one category, {category}: {quoted}.")
    return tuple(notes)


def _in_words(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LMN"


def _visible(letter: str) -> bool:
    """Whether a character shows; joiners, marks of direction and selectors of a variant do not."""
    return unicodedata.category(letter) != "Cf" and not "\ufe00" <= letter <= "\ufe0f"


def _spelling(name: str) -> str:
    """What is equal for two spellings of one name: all signs count but those between words."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())
    folded = folded.replace(_DOTTED_I, "i")
    kinds = "".join(map(_kind, folded))
    parts = [
        ""
        if match.lastgroup == "edge"
        else "_"
        if match.lastgroup
        else folded[slice(*match.span())]
        for match in _SPELLING.finditer(kinds)
    ]
    words = _COPIES.sub("", "".join(parts))
    return _SYNONYMS.get(words, words)


def _kind(letter: str) -> str:
    if _in_words(letter):
        return "w"
    if letter == "_" or letter.isspace():
        return "s"
    return "-" if unicodedata.category(letter) == "Pd" else "x"


def _told(name: str) -> str:
    """The name, with characters that do not show, or show like others, written out."""
    if all(map(_visible, name)) and name == unicodedata.normalize("NFC", name):
        return shown(name)
    return name.encode("unicode_escape").decode("ascii")
