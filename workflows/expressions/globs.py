"""Wildcard patterns: `*` for any characters, `?` for one. Nothing else is special.

Not regular expressions: those of the standard library can be made to run for ever. Here the time grows with the
length of the text plus that of the pattern times a small part of it. Both lengths are bounded, for every pattern.
"""

from core.text.folding import fold

LONGEST_PATTERN = 200
LONGEST_TEXT = 10_000


def matches(text: str, pattern: str) -> bool:
    """Return whether the whole of `text` (its first 10,000 characters) matches, ignoring case."""
    text = fold(text[:LONGEST_TEXT])[:LONGEST_TEXT]
    pieces = fold(pattern[:LONGEST_PATTERN]).split("*")
    length = len(text)
    if sum(map(len, pieces)) > length:
        return False
    where = _where(text, {sign for piece in pieces if "?" in piece for sign in piece} - {"?"})
    first, *others = pieces
    if _leftmost(first, text, where, 0) != 0:
        return False
    if not others:
        return len(first) == length
    *middle, last = others
    at = len(first)
    # The leftmost place for each piece leaves the most room for the next: nothing is ever tried again.
    for piece in middle:
        found = _leftmost(piece, text, where, at)
        if found < 0:
            return False
        at = found + len(piece)
    return _leftmost(last, text, where, max(at, length - len(last))) >= 0


def _where(text: str, signs: set[str]) -> dict[str, int]:
    """Return the places of each sign in the text as a bit mask: bit n is set where character n is the sign."""
    if not signs:
        return {}
    places = {sign: bytearray(len(text) // 8 + 1) for sign in signs}
    for number, sign in enumerate(text):
        if sign in places:
            places[sign][number >> 3] |= 1 << (number & 7)
    return {sign: int.from_bytes(bits, "little") for sign, bits in places.items()}


def _leftmost(piece: str, text: str, where: dict[str, int], at: int) -> int:
    """Return the first place from `at` on where the piece matches, or -1. All places are tried at once, a bit each."""
    if "?" not in piece:
        return text.find(piece, at)
    starts = -1  # every place from `at` on
    for offset, sign in enumerate(piece, at):
        if sign != "?":
            starts &= where[sign] >> offset
            if not starts:
                return -1
    found = at + (starts & -starts).bit_length() - 1
    return found if found + len(piece) <= len(text) else -1
