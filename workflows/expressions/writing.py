"""Conversion of values to text: JSON for lists and objects, plain numbers, true and false."""

import json
from decimal import Decimal
from typing import Any


def text_of(value: Any) -> str:
    """Never Python's own spelling. Raises ValueError or RecursionError for what cannot be written."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _plain(Decimal(repr(value)))
    if isinstance(value, Decimal):
        return _plain(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=as_json)


def as_json(value: Any) -> int | float:
    """A Decimal as JSON has it."""
    if not isinstance(value, Decimal):
        raise TypeError
    whole = value == value.to_integral_value()
    return int(value) if whole else float(value)


def _plain(number: Decimal) -> str:
    """Without an exponent: 0.0000001, not 1e-07."""
    return format(number, "f") if number.is_finite() else str(number)
