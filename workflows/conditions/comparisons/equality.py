"""Equality of values: texts that fold to the same, numbers of the same amount, moments of the same instant."""

from collections.abc import Hashable, Iterator
from typing import Any

from core.text.folding import fold
from workflows.conditions.comparisons.kinds import plain_values, written
from workflows.conditions.comparisons.numbers import number
from workflows.formatting.datetimes import instant

Keys = frozenset[Hashable]


def equal(actual: Any, keys: Keys) -> bool:
    """Return whether a compared part of `actual` has one of the keys, which are `keys_wanted` of a value."""
    return any(key in keys for value in plain_values(actual) for key in _keys(value))


def _keys(value: Any) -> Iterator[Hashable]:
    """The keys of a value: the value, and for a text also the number or the instant that it reads as."""
    if isinstance(value, bool):
        yield "truth", value
    elif isinstance(value, str):
        yield "text", fold(written(value))
        yield "reads as", number(value)
        yield "at", instant(value) or value
    else:
        yield "number", number(value)


def keys_wanted(value: Any) -> Iterator[Hashable]:
    """The keys of the wanted value. A number equals a text that reads as it; two texts are texts: 007 is not 7."""
    if isinstance(value, bool):
        yield "truth", value
        yield "text", written(value)
    elif isinstance(value, str):
        yield "text", fold(written(value))
        if fold(value.strip()) in ("true", "false"):
            yield "truth", fold(value.strip()) == "true"
        if (amount := number(value)) is not None:
            yield "number", amount
        if at := instant(value):
            yield "at", at
    elif (amount := number(value)) is not None:
        yield "number", amount
        yield "reads as", amount
