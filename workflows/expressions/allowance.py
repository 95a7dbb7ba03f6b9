"""The allowance of one rendering's filters for reading and writing: a chain of cheap ones is not cheap."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from workflows.expressions.errors import FilterError
from workflows.expressions.writing import text_of

LONGEST_TEXT = 100_000
MOST_ITEMS = 10_000
# Characters and items of all filters of one rendering: tens of milliseconds at worst.
_WORK = 1_000_000
_MOST_COUNTED = 1_000_000
_left: ContextVar[int] = ContextVar("left")


@contextmanager
def one_rendering() -> Iterator[None]:
    """Give all filters inside the block one allowance."""
    token = _left.set(_WORK)
    try:
        yield
    finally:
        _left.reset(token)


def charge(work: int) -> None:
    """Raise FilterError where that is more than is left."""
    left = _left.get(_WORK) - work - 1
    if left < 0:
        raise FilterError("These filters are too expensive.")
    _left.set(left)


def short(text: str, name: str) -> str:
    """A text that a filter reads or has written. Raise FilterError for too much of it."""
    if len(text) > LONGEST_TEXT:
        raise FilterError(f"{name} takes and gives at most {LONGEST_TEXT:,} characters.")
    charge(len(text))
    return text


def text(value: Any, name: str) -> str:
    """`value` as a filter reads it. Raise FilterError for what is no text."""
    if isinstance(value, dict | list):
        raise FilterError(f"{name} takes a text, not a list or an object.")
    return short("" if value is None else text_of(value), name)


def items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise FilterError(f"{name} takes a list.")
    if len(value) > MOST_ITEMS:
        raise FilterError(f"{name} takes at most {MOST_ITEMS:,} items.")
    charge(len(value))
    return value


def count(value: Any, name: str, least: int = 0) -> int:
    """A whole number as an argument, cut to what makes sense."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return min(max(int(value), least), _MOST_COUNTED)
    except (TypeError, ValueError, OverflowError):
        raise FilterError(f"{name} takes a number.") from None
