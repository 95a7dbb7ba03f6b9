"""Filters that calculate: whole numbers exactly, others as decimals, so that 0.1 and 0.2 make 0.3."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any

from workflows.expressions.allowance import charge, count
from workflows.expressions.errors import FilterError

Number = int | Decimal
_DIGITS = 30
_LIMIT = 10**_DIGITS
_MOST_PLACES = 10
_TEXT = re.compile(rf"[+-]?\d{{1,{_DIGITS}}}(?:\.\d{{1,{_DIGITS}}})?", re.ASCII)
# More digits than two of the longest numbers have together.
_EXACT = Context(prec=2 * _DIGITS + 2)
_DIVIDED = Context(prec=_DIGITS)


def plus(value: Any, other: Any) -> Number:
    return _calculated("plus", value, other, lambda a, b: a + b, _EXACT.add)


def minus(value: Any, other: Any) -> Number:
    return _calculated("minus", value, other, lambda a, b: a - b, _EXACT.subtract)


def times(value: Any, other: Any) -> Number:
    return _calculated("times", value, other, lambda a, b: a * b, _EXACT.multiply)


def divided_by(value: Any, other: Any) -> Number:
    """Divide; two whole numbers give the whole number below, as in Liquid."""
    if number(other, "divided_by") == 0:
        raise FilterError("divided_by: nothing can be divided by 0.")
    return _calculated("divided_by", value, other, lambda a, b: a // b, _DIVIDED.divide)


def round_to(value: Any, places: Any = 0) -> Number:
    """Halves away from zero."""
    given, most = number(value, "round"), min(count(places, "round"), _MOST_PLACES)
    rounded = Decimal(given).quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_UP, context=_EXACT)
    return _bounded(rounded, "round") if most else int(rounded)


def number(value: Any, name: str) -> Number:
    """`value` as a number, also one that is written in a text. Raise FilterError for anything else."""
    charge(_DIGITS)
    found: Number | None = None
    if isinstance(value, str) and _TEXT.fullmatch(value.strip()):
        found = Decimal(value.strip()) if "." in value else int(value)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        found = value
    elif isinstance(value, float):
        found = Decimal(repr(value))
    if found is None or (isinstance(found, Decimal) and not found.is_finite()):
        raise FilterError(f"{name} takes numbers, such as 5 or 2.50.")
    return _bounded(found, name)


def _calculated(
    name: str,
    value: Any,
    other: Any,
    whole: Callable[[int, int], int],
    exact: Callable[[Decimal, Decimal], Decimal],
) -> Number:
    one, two = number(value, name), number(other, name)
    if isinstance(one, int) and isinstance(two, int):
        return _bounded(whole(one, two), name)
    try:
        return _bounded(exact(Decimal(one), Decimal(two)), name)
    except DecimalException:
        raise FilterError(f"{name}: these numbers have too many digits.") from None


def _bounded(found: Number, name: str) -> Number:
    if abs(found) >= _LIMIT:
        raise FilterError(f"{name}: a number has at most {_DIGITS} digits.")
    return _EXACT.plus(found) if isinstance(found, Decimal) else found  # -0.0 becomes 0.0
