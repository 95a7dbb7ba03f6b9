"""Filters of texts, and those that take anything."""

import json as json_module
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from workflows.expressions.allowance import LONGEST_TEXT, count, items, short, text
from workflows.expressions.errors import FilterError, Missing
from workflows.expressions.writing import text_of


class StandIn(str):
    """A value that `default` put in the place of a missing one: `date` leaves it as it is."""

    __slots__ = ()


def of_text(name: str, change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: change(text(value, name))


def append(value: Any, more: Any) -> str:
    return short(text(value, "append") + text(more, "append"), "append")


def prepend(value: Any, more: Any) -> str:
    return short(text(more, "prepend") + text(value, "prepend"), "prepend")


def replace(value: Any, what: Any, by: Any = "") -> str:
    """Replace text, after computing the result's length: a chain of these could fill the memory."""
    given, old, new = text(value, "replace"), text(what, "replace"), text(by, "replace")
    if not old:
        raise FilterError("replace needs a text to look for.")
    times = given.count(old)
    if len(given) + times * (len(new) - len(old)) > LONGEST_TEXT:
        raise FilterError(f"replace gives at most {LONGEST_TEXT:,} characters.")
    return short(given.replace(old, new), "replace")


def truncate(value: Any, length: Any = 50, end: Any = "...") -> str:
    given, most, ending = text(value, "truncate"), count(length, "truncate"), text(end, "truncate")
    return given if len(given) <= most else given[: max(most - len(ending), 0)] + ending


def truncatewords(value: Any, number: Any = 15, end: Any = "...") -> str:
    given, ending = text(value, "truncatewords"), text(end, "truncatewords")
    most = max(count(number, "truncatewords"), 1)
    words = given.split(None, most)
    return " ".join(words[:most]) + ending if len(words) > most else given


def url_encode(value: Any) -> str:
    return short(quote_plus(text(value, "url_encode"), errors="replace"), "url_encode")


def json(value: Any) -> str:
    if isinstance(value, str):
        return short(json_module.dumps(short(value, "json"), ensure_ascii=False), "json")
    return short(text_of(value), "json")


def default(value: Any, instead: Any = "", *, allow_false: Any = False) -> Any:
    missing = value is None or isinstance(value, Missing) or (value is False and allow_false is not True)
    if not (missing or (isinstance(value, str | list | dict) and not value)):
        return value
    return StandIn(instead) if isinstance(instead, str) else instead


def size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else len(text(value, "size"))


def slice_of(value: Any, start: Any, length: Any = 1) -> Any:
    """A part of a text or of a list; a negative start counts from the end."""
    whole = items(value, "slice") if isinstance(value, list) else text(value, "slice")
    begin = count(start, "slice", least=-LONGEST_TEXT)
    begin = begin if begin >= 0 else max(len(whole) + begin, 0)
    return whole[begin : begin + count(length, "slice")]
