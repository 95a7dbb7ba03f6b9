"""Documentation of fields: the kinds of values that can be at a path under a JSON Schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflows.conditions.comparisons.kinds import Kind
from workflows.conditions.paths import EVERY, names_of
from workflows.expressions import unknown_fields

Json = dict[str, Any]
_KINDS = {
    "null": Kind.NOTHING,
    "boolean": Kind.BOOLEAN,
    "integer": Kind.NUMBER,
    "number": Kind.NUMBER,
    "string": Kind.TEXT,
    "object": Kind.OBJECT,
}
_WORDS = {
    Kind.BOOLEAN: "true or false",
    Kind.NUMBER: "a number",
    Kind.TEXT: "a text",
    Kind.LIST: "a list",
    Kind.OBJECTS: "a list of objects",
    Kind.OBJECT: "an object",
}
_LISTS = frozenset({Kind.LIST, Kind.OBJECTS})
_COMPARED = ("summary", "id")


@dataclass(frozen=True)
class Documented:
    """The documentation of a field.

    kinds: those it can be of, beside missing or null. choices: all that a text can be, where that is documented.
    is_time: a text that is always a date and time. named: whether its objects can have a summary or an id.
    fields: the documented fields of its objects.
    """

    kinds: frozenset[Kind]
    choices: tuple[str, ...] = ()
    is_time: bool = False
    named: bool = True
    fields: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return "a date and time" if self.is_time else " or ".join(sorted(_WORDS[kind] for kind in self.kinds))


class _Every(int):
    """Any place in a list, where a route has the number of one."""

    def __str__(self) -> str:
        return EVERY


def documented(path: str, schema: Json) -> Documented | None:
    """Return what is known of the field at `path`; None where anything may be there."""
    for name in names_of(path):
        types, inside = _types(schema), schema.get("properties", {})
        if name == "size" and types & {"array", "string"}:
            return Documented(frozenset({Kind.NUMBER}))
        schema = schema.get("items", {}) if "array" in types else inside.get(name, {})
    return _read(schema)


def missing(path: str, schema: Json) -> str:
    """Return why no value can be at `path`, "" unless that is certain."""
    names = names_of(path)
    for at, name in enumerate(names):
        found = documented(_dotted(names[:at]), schema) if name in (EVERY, "first", "last") else None
        if found and not found.kinds & (_LISTS if name == EVERY else _LISTS | {Kind.OBJECT}):
            return f"{_dotted(names[:at])} is {found.words}, and {name} is for the items of a list."
    said = unknown_fields.problem_with([_Every() if name == EVERY else name for name in names], schema) or ""
    return f"{said} {_through_list(names, schema)}".strip() if said else ""


def _through_list(names: Sequence[str | int], schema: Json) -> str:
    """A hint for a path that goes through a list without saying which of its items it means."""
    for at in range(2, len(names)):
        found = documented(_dotted(names[:at]), schema)
        if found and found.kinds & _LISTS and isinstance(names[at], str):
            every = _dotted([*names[:at], EVERY, *names[at:]])
            return "" if names[at] == EVERY else f"For each item of the list write {every}."
    return ""


def _dotted(names: Sequence[str | int]) -> str:
    return ".".join(map(str, names))


def _read(schema: Json) -> Documented | None:
    types = _types(schema)
    if not types or not types <= {*_KINDS, "array"}:
        return None
    kinds = {_KINDS[one] for one in types & set(_KINDS)} - {Kind.NOTHING}
    objects = [schema] if Kind.OBJECT in kinds else []
    if "array" in types:
        items = schema.get("items", {})
        plain = _types(items) - {"null", "object"}
        kinds |= {Kind.OBJECTS} if _types(items) and not plain else {Kind.LIST, Kind.OBJECTS}
        objects.append(items)
    choices = schema.get("enum", ()) if kinds == {Kind.TEXT} else ()
    return Documented(
        frozenset(kinds),
        choices=tuple(one for one in choices if isinstance(one, str)),
        is_time=kinds == {Kind.TEXT} and schema.get("format") == "date-time",
        named=any(_may_be_named(one) for one in objects),
        fields=tuple(name for one in objects for name in one.get("properties", {})),
    )


def _types(schema: Json) -> set[str]:
    stated = schema.get("type", "object" if "properties" in schema else [])
    return {stated} if isinstance(stated, str) else set(stated)


def _may_be_named(schema: Json) -> bool:
    """Return whether such an object can have a summary or an id; true if none of its fields is documented."""
    known = schema.get("properties", {})
    closed = schema.get("additionalProperties") is False
    return any(name in known for name in _COMPARED) or not (known or closed)
