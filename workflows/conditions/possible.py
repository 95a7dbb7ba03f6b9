"""Detection of rows that can never hold, when a draft is saved, by the documentation of their fields."""

import re
from typing import Any

from core.text.folding import fold
from workflows import expressions
from workflows.conditions.comparisons.kinds import Kind, written
from workflows.conditions.comparisons.numbers import number
from workflows.conditions.comparisons.operators import NEGATIVE, NEVER, TABLE, holds
from workflows.conditions.documented import Documented, Json, documented, missing
from workflows.conditions.operands import is_template
from workflows.conditions.wanted import Wanted
from workflows.expressions import unknown_fields
from workflows.formatting.datetimes import instant

_COMPARES = {
    "greater": "compares numbers",
    "less": "compares numbers",
    "before": "compares dates and times",
    "after": "compares dates and times",
    "within": "compares dates and times",
    "outside": "compares dates and times",
    "matches": "compares text",
    "contains": "looks into texts and lists",
}
_LONE = re.compile(r"\s*\{\{[^|{}]*\}\}\s*")
_ONE_KIND = ("greater", "less", "before", "after", "within", "outside")
_IN_NUMBERS = frozenset("0123456789+-.e")
_IN_TIMES = frozenset("0123456789+-.:tz ")
_WILDCARDS = frozenset("*?")
_OBJECTS = {Kind.OBJECT, Kind.OBJECTS}
_LISTS = {Kind.LIST, Kind.OBJECTS}


def why_never(row: list[Any], schema: Json) -> str:
    """Return why a row that is well formed can never hold, "" where it may. schema: of what can be seen."""
    path, operator, wanted = row
    if said := missing(path, schema):
        return said
    values = wanted if isinstance(wanted, list) else [wanted]
    for value in filter(is_template, values):
        if said := _wrong_with_template(value, path, operator, schema):
            return said
    found = documented(path, schema)
    if found is not None and not found.kinds:
        held_by_nothing = operator in NEGATIVE or (operator == "exists" and wanted is False)
        return "" if held_by_nothing else f"{path} is always null here."
    if found is None or operator == "exists":
        return ""
    return _unfit(path, operator, found) or _no_such_value(path, operator, wanted, found)


def _unfit(path: str, operator: str, found: Documented) -> str:
    """An operator that has nothing to compare in a field of that kind."""
    positive = NEGATIVE.get(operator, operator)
    able = {kind for kind in found.kinds if TABLE[positive][kind] is not NEVER}
    if positive in ("greater", "less") and found.is_time:
        return f"{operator} compares numbers, and {path} is a date and time. Use before or after."
    if able - _OBJECTS or (able and found.named):
        return ""
    if able:
        return f"{path} is {found.words} without summary and id.{_such_as(path, found)}"
    hint = " Use equals with true or false." if found.kinds == {Kind.BOOLEAN} else _such_as(path, found)
    return f"{operator} {_COMPARES[positive]}, and {path} is {found.words}.{hint}"


def _such_as(path: str, found: Documented) -> str:
    """The fields of an object or a list that can be named instead."""
    inside = f"{path}.*" if found.kinds & _LISTS else path
    if found.kinds & _OBJECTS and found.fields:
        name = "summary" if "summary" in found.fields else found.fields[0]
        return f" Name one of its fields, such as {inside}.{name}."
    return f" Name its items: {inside}." if found.kinds & _LISTS else ""


def _no_such_value(path: str, operator: str, wanted: Any, found: Documented) -> str:
    """A value for which the operator holds for nothing that the field can be."""
    values = wanted if isinstance(wanted, list) else [wanted]
    if operator in NEGATIVE or any(map(is_template, values)):
        return ""
    if found.choices:
        return _none_of_the_choices(path, operator, wanted, found)
    if found.kinds == {Kind.NUMBER}:
        return _no_such_number(path, operator, values)
    if found.kinds == {Kind.BOOLEAN} and not any(
        holds(operator, truth, Wanted(wanted)) for truth in (True, False)
    ):
        return f"{path} is true or false, never {_said(values)}."
    return _no_such_time(path, operator, values) if found.is_time else ""


def _no_such_number(path: str, operator: str, values: list[Any]) -> str:
    if _has_others(operator, values, _IN_NUMBERS):
        return f"{path} is a number, and its digits never have {_said(values)}."
    if operator in ("equals", "one_of") and all(number(value) is None for value in values):
        return f"{path} is a number, and {_said(values)} is none."
    return ""


def _no_such_time(path: str, operator: str, values: list[Any]) -> str:
    never = operator in ("equals", "one_of") and not any(map(instant, values))
    if never or _has_others(operator, values, _IN_TIMES):
        return f"{path} is a date and time, never {_said(values)}. Use before, after, within or contains."
    return ""


def _has_others(operator: str, values: list[Any], signs: frozenset[str]) -> bool:
    """Return whether a part or a pattern has a character that no such field has."""
    if operator not in ("contains", "matches"):
        return False
    return bool(set(fold(written(values[0]))) - signs - (_WILDCARDS if operator == "matches" else set()))


def _none_of_the_choices(path: str, operator: str, wanted: Any, found: Documented) -> str:
    if any(holds(operator, choice, Wanted(wanted)) for choice in found.choices):
        return ""
    values = wanted if isinstance(wanted, list) else [wanted]
    near = unknown_fields.suggestion(str(values[0]), found.choices)
    hint = f" Did you mean {near}?" if near else ""
    if operator in ("equals", "one_of"):
        return f"{path} is {' or '.join(found.choices)}, never {_said(values)}.{hint}"
    return f"{path} is {' or '.join(found.choices)}: {operator} {_said(values)} holds for none of them.{hint}"


def _said(values: list[Any]) -> str:
    return f"“{', '.join(map(str, values))[:60]}”"


def _wrong_with_template(value: str, path: str, operator: str, schema: Json) -> str:
    """The fault of a value with fields in it."""
    try:
        routes = expressions.routes(value)
    except expressions.ExpressionError as error:
        return f"The value cannot be read. {error}"
    if unknown := next(filter(None, (unknown_fields.problem_with(route, schema) for route in routes)), ""):
        return f"In the value: {unknown}"
    named = _lone_field(value, routes)
    if named == path and operator not in ("equals", "contains", "one_of", "matches"):
        return f"{path} is compared with itself."
    found = documented(named, schema) if named else None
    if found is None or operator not in _ONE_KIND:
        return ""
    if any(TABLE[operator][kind] is not NEVER for kind in found.kinds):
        return ""
    return f"{operator} {_COMPARES[operator]}, and {named} in the value is {found.words}."


def _lone_field(value: str, routes: list[Any]) -> str:
    """The field that the whole value is, "" where it is more than that."""
    return unknown_fields.dotted(routes[0]) if len(routes) == 1 and _LONE.fullmatch(value) else ""
