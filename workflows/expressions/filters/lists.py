"""Filters of lists."""

from collections.abc import Mapping
from typing import Any

from workflows.expressions.allowance import LONGEST_TEXT, MOST_ITEMS, charge, items, short, text
from workflows.expressions.errors import FilterError
from workflows.expressions.writing import text_of


def first(value: Any) -> Any:
    return _at(value, 0, "first")


def last(value: Any) -> Any:
    return _at(value, -1, "last")


def _at(value: Any, index: int, name: str) -> Any:
    if not isinstance(value, list):
        raise FilterError(f"{name} takes a list.")
    return value[index] if value else None


def of_each(value: Any, name: Any) -> list[Any]:
    """The field of each item, null where it is missing."""
    return [_field(item, text(name, "map"), "map") for item in items(value, "map")]


def where(value: Any, name: Any, wanted: Any = None) -> list[Any]:
    """The items whose field is that, or without `wanted` those that have it at all (not null, not false)."""
    key = text(name, "where")
    found = [(item, _field(item, key, "where")) for item in items(value, "where")]
    if wanted is None:
        return [item for item, field in found if field is not None and field is not False]
    same = text(wanted, "where")
    return [item for item, field in found if not isinstance(field, list | dict) and _text(field) == same]


def join(value: Any, between: Any = " ") -> str:
    given, sign = items(value, "join"), text(between, "join")
    for number, item in enumerate(given, start=1):
        if item is None:
            raise FilterError(f"join: item {number} is null. Leave such items out with compact.")
    texts = [_text(item) for item in given]
    if sum(map(len, texts)) + len(sign) * len(texts) > LONGEST_TEXT:
        raise FilterError(f"join gives at most {LONGEST_TEXT:,} characters.")
    return short(sign.join(texts), "join")


def split(value: Any, between: Any = " ") -> list[str]:
    """An empty text has no parts; between nothing it is divided into characters."""
    given, sign = text(value, "split"), text(between, "split")
    if (given.count(sign) if sign else len(given)) >= MOST_ITEMS:
        raise FilterError(f"split gives at most {MOST_ITEMS:,} items.")
    if not given:
        return []
    return given.split(sign) if sign else list(given)


def compact(value: Any) -> list[Any]:
    return [item for item in items(value, "compact") if item is not None]


def uniq(value: Any, name: Any = None) -> list[Any]:
    """The first of each that is equal, or whose field is."""
    given, key = items(value, "uniq"), None if name is None else text(name, "uniq")
    seen: dict[str, Any] = {}
    for item in given:
        seen.setdefault(_text(_key(item, key, "uniq")), item)
    return list(seen.values())


def sort(value: Any, name: Any = None) -> list[Any]:
    """Numbers by size, texts without regard to case, by a field of each if wanted; null comes last."""
    given, key = items(value, "sort"), None if name is None else text(name, "sort")
    keyed = [(_key(item, key, "sort"), item) for item in given]
    there = [(one, item) for one, item in keyed if one is not None]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one, _ in there):
        ordered = sorted(there, key=lambda pair: pair[0])
    elif all(isinstance(one, str) for one, _ in there):
        charge(sum(len(one) for one, _ in there))
        ordered = sorted(there, key=lambda pair: pair[0].casefold())
    else:
        raise FilterError(
            "sort takes a list of texts or of numbers; of objects, name the field: sort: 'summary'."
        )
    return [item for _, item in ordered] + [item for one, item in keyed if one is None]


def _key(item: Any, key: str | None, name: str) -> Any:
    return item if key is None else _field(item, key, name)


def _field(item: Any, key: str, name: str) -> Any:
    """`service.summary` goes inwards."""
    for part in key.split("."):
        if item is None:
            return None
        if not isinstance(item, Mapping):
            raise FilterError(
                f"{name}: {key[:40]} is looked for in objects, and this list has something else."
            )
        item = item.get(part)
    return item


def _text(value: Any) -> str:
    written = text_of(value)
    charge(len(written))
    return written
