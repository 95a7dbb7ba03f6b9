"""Numbers as they are compared: exact and decimal, so that 5 is 5.0 and 9007199254740993 is not its neighbour."""

import math
import re
from decimal import Decimal
from typing import Any

# An exponent of up to three digits: beyond the largest number that JSON carries, and never a long calculation.
_NUMBER = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST = 1000
_MOST_BITS = 4096


def number(value: Any) -> Decimal | None:
    """Return the number that `value` is, or reads as where it is text; None for anything else.

    true and false are no numbers, nor are NaN and the infinities.
    """
    if isinstance(value, str):
        text = value.strip() if len(value) <= _LONGEST else ""
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if value.bit_length() <= _MOST_BITS else None
    # As it is written and as people type it: 0.1, not 0.1000000000000000055…
    return Decimal(repr(value)) if isinstance(value, float) and math.isfinite(value) else None
