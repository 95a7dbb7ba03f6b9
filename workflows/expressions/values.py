"""Values: what a field gives, what is not there, and how a value is written into a text."""

from collections.abc import Mapping
from typing import Any

from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions.path import Path
from liquid.builtin.expressions.primitive import Blank, Empty, Nil

from workflows.expressions import unknown_fields
from workflows.expressions.errors import ExpressionError, FilterError, Missing, shown
from workflows.expressions.filters.table import FILTERS
from workflows.expressions.liquid import Field

_A_DEFAULT = "default"
HINT = "To allow this, set a default: | default: '…'."


def value_of(field: Field, fields: Mapping[str, Any]) -> Any:
    """The value of the field. Raises ExpressionError for what is missing or null and has no default."""
    try:
        value = _filtered(field.expression, fields)
    except FilterError as error:
        raise ExpressionError(f"{error} In {shown(field.source)}.") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        raise ExpressionError(f"This does not fit the value it was given: {shown(field.source)}.") from None
    if value is None:
        raise ExpressionError(f"{shown(field.source)} gives nothing. {HINT}")
    if isinstance(value, Missing):
        raise ExpressionError(value.said)
    return value


def _filtered(expression: FilteredExpression, fields: Mapping[str, Any]) -> Any:
    """Apply the filters. A missing value passes through all up to a default, so their order does not matter."""
    value = _plain(expression.left, fields)
    for used in expression.filters or ():
        if (value is None or isinstance(value, Missing)) and used.name != _A_DEFAULT:
            continue
        positional, named = [], {}
        for argument in used.args:
            given = _plain(argument.value, fields)
            if isinstance(given, Missing) and used.name != _A_DEFAULT:
                raise ExpressionError(given.said)
            if name := getattr(argument, "name", None):
                named[name] = given
            else:
                positional.append(given)
        value = FILTERS[used.name].function(value, *positional, **named)
    return value


def _plain(expression: Any, fields: Mapping[str, Any]) -> Any:
    if isinstance(expression, Path):
        return _at_path(expression, fields)
    if isinstance(expression, Nil):
        return Missing("nil and null are nothing: write a field or a value.")
    if isinstance(expression, Empty | Blank):
        return ""
    return expression.value


def _at_path(path: Path, fields: Mapping[str, Any]) -> Any:
    route: list[str | int] = []
    for part in path.path:
        name = _at_path(part, fields) if isinstance(part, Path) else part
        if isinstance(name, Missing):
            return name
        route.append(name if isinstance(name, str | int) else str(name))
    value: Any = fields
    for name in route:
        value = unknown_fields.step_into(value, name)
        if value is unknown_fields.NOTHING or value is None:
            break
    else:
        return value
    said = unknown_fields.missing(route, fields) or ""
    return Missing(said if said.startswith(unknown_fields.NO_FIELD) else f"{said} {HINT}")
