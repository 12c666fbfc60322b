"""How names and postcodes are compared: without case, accents or punctuation, and by sound."""

import unicodedata
from functools import lru_cache

_SPECIAL = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i"})


_ASCII = {code: ("" if chr(code) in "'`" else " ") for code in range(128) if not chr(code).isalnum()}
"""What is not a letter or a figure becomes a space; apostrophes vanish."""


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return text in lower case without accents or punctuation; words are separated by one space.

    Letters of other scripts are kept, so a name in Arabic or Chinese still matches itself.
    """
    if text.isascii():
        lowered = text.lower()
    else:
        composed = unicodedata.normalize("NFKC", text)
        decomposed = unicodedata.normalize("NFKD", composed.casefold().translate(_SPECIAL))
        lowered = "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_SPECIAL)
    if lowered.isascii():
        return " ".join(lowered.translate(_ASCII).split())
    kept = "".join(char if char.isalnum() else ("" if char in "'’ʼ`" else " ") for char in lowered)
    return " ".join(kept.split())


def fold_postcode(text: str) -> str:
    """Return a postcode in upper case without spaces."""
    return "".join(text.upper().split())


@lru_cache(maxsize=65536)
def sound(surname: str) -> str:
    """Return the phonetic code of a surname (Metaphone of the folded name), or the folded name where none is made."""
    import jellyfish  # late: most processes that import the models compare no names

    folded = fold(surname).replace(" ", "")
    if not folded:
        return ""
    return (jellyfish.metaphone(folded) if folded.isascii() else "") or folded
