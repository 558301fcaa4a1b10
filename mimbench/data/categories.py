"""One spelling for each category, whatever a folder or a CSV file calls it."""

import re
import unicodedata

__all__ = ["MPOX", "canonical_category"]

MPOX = "mpox"

_SYNONYMS = {
    "monkeypox": MPOX,
    "monkey_pox": MPOX,
    "mkp": MPOX,
    "mpx": MPOX,
    "chicken_pox": "chickenpox",
    "cow_pox": "cowpox",
}


def canonical_category(name: str) -> str:
    """Return the canonical spelling: lower case, words joined by `_`, synonyms resolved.

    "Monkey Pox", "Monkeypox", "MKP" and "Monkeypox_augmented" all give "mpox". A name without a
    letter or digit gives the empty string.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    words = re.sub(r"[\W_]+", "_", folded).strip("_")
    words = re.sub(r"_aug(mented)?$", "", words)
    return _SYNONYMS.get(words, words)
