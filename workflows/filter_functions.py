"""What the filters of expressions do, and what bounds them.

All filters of one rendering share one allowance of work, because a chain of cheap ones is not cheap.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from liquid import Undefined
from liquid.exceptions import FilterArgumentError

from connections import clock
from workflows.moments import moment

LONGEST_TEXT = 100_000
# Characters that all filters of one rendering may read: tens of milliseconds at worst.
_WORK = 1_000_000
_LONGEST_FORMAT = 100
_DIRECTIVES = frozenset("aAbBdHIjmMpSuUVwyYZzGFTDRe%")
_MOST = 1_000_000
_left: ContextVar[int] = ContextVar("left")


@contextmanager
def one_rendering() -> Iterator[None]:
    """What is filtered inside shares one allowance."""
    token = _left.set(_WORK)
    try:
        yield
    finally:
        _left.reset(token)


def _is_missing(value: Any) -> bool:
    """By its type alone: isinstance would look inside, and this kind of undefined raises then."""
    return issubclass(type(value), Undefined)


def _refuse(message: str) -> FilterArgumentError:
    return FilterArgumentError(message, token=None)


def _text(value: Any, name: str) -> str:
    """`value` as a filter reads it. Raises FilterArgumentError for what is no text, and for too much of it."""
    if _is_missing(value):
        return str(value)  # raises, naming the field
    if isinstance(value, dict | list | tuple):
        raise _refuse(f"{name} takes a text, not a list or an object.")
    text = "" if value is None else str(value)
    if len(text) > LONGEST_TEXT:
        raise _refuse(f"{name} takes at most {LONGEST_TEXT:,} characters.")
    left = _left.get(_WORK) - len(text) - 1
    if left < 0:
        raise _refuse("These filters have too much to do.")
    _left.set(left)
    return text


def _count(value: Any, name: str) -> int:
    if _is_missing(value) or isinstance(value, bool):
        raise _refuse(f"{name} takes a number.")
    try:
        return min(max(int(value), 0), _MOST)
    except (TypeError, ValueError, OverflowError):
        raise _refuse(f"{name} takes a number.") from None


def of_text(name: str, change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: change(_text(value, name))


def truncate(value: Any, length: Any = 50, end: Any = "...") -> str:
    text, most, ending = _text(value, "truncate"), _count(length, "truncate"), _text(end, "truncate")
    return text if len(text) <= most else text[: max(most - len(ending), 0)] + ending


def truncatewords(value: Any, number: Any = 15, end: Any = "...") -> str:
    text, ending = _text(value, "truncatewords"), _text(end, "truncatewords")
    most = max(_count(number, "truncatewords"), 1)
    words = text.split(None, most)
    return " ".join(words[:most]) + ending if len(words) > most else text


def date(value: Any, wanted: Any = "%Y-%m-%d %H:%M") -> str:
    """Widths such as %9999999d are refused: the C library would write that many zeros."""
    text, form = _text(value, "date"), _text(wanted, "date")
    found = clock.now() if text in ("now", "today") else moment(text)
    if found is None:
        raise _refuse("date takes a date or time such as 2026-11-01T09:30:00Z.")
    if len(form) > _LONGEST_FORMAT:
        raise _refuse(f"A date format is at most {_LONGEST_FORMAT} characters long.")
    directives = form.replace("%%", "").split("%")[1:]
    unknown = next((part[:1] for part in directives if part[:1] not in _DIRECTIVES or not part), None)
    if unknown is not None:
        raise _refuse(f"A date format has no %{unknown}.")
    try:
        return found.strftime(form)
    except ValueError:
        raise _refuse("This date cannot be written in that format.") from None


def default(value: Any, instead: Any = "", *, allow_false: Any = False) -> Any:
    if _is_missing(value) or value is None or (value is False and allow_false is not True):
        return instead
    return instead if isinstance(value, str | list | dict) and not value else value


def size(value: Any) -> int:
    if isinstance(value, str | list | dict | tuple) or _is_missing(value):
        return len(value)
    return 0


def first(value: Any) -> Any:
    return _at(value, 0, "first")


def last(value: Any) -> Any:
    return _at(value, -1, "last")


def _at(value: Any, index: int, name: str) -> Any:
    if _is_missing(value):
        str(value)  # raises, naming the field
    if not isinstance(value, list):
        raise _refuse(f"{name} takes a list.")
    return value[index] if value else None
