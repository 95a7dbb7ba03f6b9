"""Wildcard patterns: `*` for any characters, `?` for one. Nothing else is special.

Not regular expressions: those of the standard library can be made to run for ever. Here the time grows with the
length of the pattern times that of the text, both bounded, whatever somebody writes.
"""

import re
from functools import lru_cache

LONGEST_PATTERN = 200
LONGEST_TEXT = 10_000
_Pieces = tuple[re.Pattern[str], ...]


def matches(text: str, pattern: str) -> bool:
    """Whether the whole of `text` fits, without regard to case; of a longer one its first 10,000 characters."""
    text = text[:LONGEST_TEXT].casefold()
    pieces = _pieces(pattern[:LONGEST_PATTERN].casefold())
    if len(pieces) == 1:
        return pieces[0].fullmatch(text) is not None
    first, *middle, last = pieces
    begin = first.match(text)
    if begin is None:
        return False
    at = begin.end()
    # The leftmost place for each piece leaves the most room for the next: nothing is ever tried again.
    for piece in middle:
        found = piece.search(text, at)
        if found is None:
            return False
        at = found.end()
    start = len(text) - _length(last)
    return start >= at and last.fullmatch(text, start) is not None


@lru_cache(maxsize=256)
def _pieces(pattern: str) -> _Pieces:
    """What stands between the stars, each of one certain length."""
    return tuple(
        re.compile("".join("." if sign == "?" else re.escape(sign) for sign in piece), re.DOTALL)
        for piece in re.sub(r"\*+", "*", pattern).split("*")
    )


@lru_cache(maxsize=1024)
def _length(piece: re.Pattern[str]) -> int:
    return len(re.sub(r"\\(.)", r"\1", piece.pattern, flags=re.DOTALL))
