"""Text as it is compared: without regard to case, and whether an accent is a character of its own or not.

"Café" can be written with é or with e and a combining accent. Both look the same, so both compare as equal.
"""

import unicodedata
from functools import lru_cache

# Sorting combining marks takes time with the square of how many follow each other; no word has more than a few.
_PIECE = 500
_SHORT = 1000


def fold(text: str) -> str:
    """Return `text` case-folded and in Unicode's normalization form C."""
    if text.isascii():
        return text.lower()
    return _fold_short(text) if len(text) <= _SHORT else _folded(text)


@lru_cache(maxsize=1024)
def _fold_short(text: str) -> str:
    return _folded(text)


def _folded(text: str) -> str:
    return compose(compose(text).casefold())


def compose(text: str) -> str:
    """Return `text` in normalization form C, in a time that grows with its length alone."""
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFC", text[begin:end]) for begin, end in _pieces(text))


def _pieces(text: str) -> list[tuple[int, int]]:
    """The (begin, end) of pieces of about 500 characters; each begins with a character that joins no other."""
    cuts, begin = [], 0
    while begin < len(text):
        end = begin + _PIECE
        while end < min(len(text), begin + 2 * _PIECE) and _joins(text[end]):
            end += 1
        cuts.append((begin, end))
        begin = end
    return cuts


def _joins(sign: str) -> bool:
    """Return whether `sign` may compose with the character before it."""
    return unicodedata.category(sign).startswith("M") or "\u1160" <= sign <= "\u11ff"
