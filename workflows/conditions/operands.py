"""The value of a condition: what was typed, or what `{{ trigger.… }}` in it becomes for the event at hand."""

from typing import Any

from workflows import expressions
from workflows.conditions.wanted import Wanted, typed


def is_template(wanted: Any) -> bool:
    return isinstance(wanted, str) and "{{" in wanted


def wanted_of(value: Any, fields: dict[str, Any]) -> Wanted:
    """Return the value of a row for that event."""
    if isinstance(value, str) and not is_template(value):
        return typed(value)
    return Wanted(_resolved(value, fields))


def _resolved(wanted: Any, fields: dict[str, Any]) -> Any:
    """Return `wanted` with its fields filled in; None where one of them is missing or null.

    Of a list, what is not there is left out. Braces that are no expression stand for themselves: published versions
    may have them from before values were filled in.
    """
    if isinstance(wanted, list):
        found = [_resolved(item, fields) for item in wanted]
        return [
            one for item in found for one in (item if isinstance(item, list) else [item]) if one is not None
        ]
    if not is_template(wanted):
        return wanted
    try:
        expressions.check(wanted)
    except expressions.ExpressionError:
        return wanted
    try:
        return expressions.render(wanted, fields)
    except expressions.ExpressionError:
        return None
