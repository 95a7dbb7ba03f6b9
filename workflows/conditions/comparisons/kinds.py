"""The kinds of JSON values that operators tell apart."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

# Of one value, what is looked at.
LONGEST_TEXT = 30_000
MOST_ITEMS = 2000


class Kind(Enum):
    """A column of the table of operators, by its name in the docs."""

    NOTHING = "missing or null"
    BOOLEAN = "true or false"
    NUMBER = "number"
    TEXT = "text"
    LIST = "list of plain values"
    OBJECTS = "list of objects"
    OBJECT = "object"


def kind_of(value: Any) -> Kind:
    """Return the kind of a JSON value. A list with an object among its items is one of objects."""
    if value is None:
        return Kind.NOTHING
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int | float):
        return Kind.NUMBER
    if isinstance(value, list):
        objects = any(isinstance(item, dict) for item in value[:MOST_ITEMS])
        return Kind.OBJECTS if objects else Kind.LIST
    return Kind.OBJECT if isinstance(value, dict) else Kind.TEXT


def plain_values(value: Any) -> Iterator[Any]:
    """The parts of a value that are compared: itself, its items, and of each object its `summary` and `id`."""
    for item in value[:MOST_ITEMS] if isinstance(value, list) else [value]:
        named = [item.get("summary"), item.get("id")] if isinstance(item, dict) else [item]
        yield from (one for one in named if one is not None and not isinstance(one, list | dict))


def written(value: Any) -> str:
    """Return a plain value as text: numbers and truth values as JSON has them."""
    return (value if isinstance(value, str) else json.dumps(value))[:LONGEST_TEXT]
