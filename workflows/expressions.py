"""Expressions: Liquid fields that people put into action inputs, with nothing in the language that can run away.

Only output tags and a few filters exist: no loops, assignments, includes or ranges.
"""

import re
from collections.abc import Iterator
from typing import Any

from liquid import RenderContext, is_undefined
from liquid.builtin.expressions.path import Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError, UndefinedError
from liquid.template import BoundTemplate

from workflows import filter_functions, known_fields
from workflows.field_language import LONGEST_OUTPUT, ExpressionError, explain, parse

__all__ = ["ExpressionError", "check", "is_path", "look_up", "paths", "render", "render_all", "routes"]
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")


def render(template: str, fields: dict[str, Any]) -> Any:
    """`template` with its fields filled in. A lone `{{ field }}` keeps the field's type; else it is text.

    Raises ExpressionError (too long, syntax, unknown field or filter, output too long).
    """
    if "{" not in template:
        return template
    parsed = parse(template)
    try:
        with filter_functions.one_rendering():
            return _filled_in(parsed, fields)
    except UndefinedError as error:
        raise ExpressionError(_what_is_missing(error, parsed, fields)) from None
    except LiquidError as error:
        raise ExpressionError(explain(error)) from None
    except (ArithmeticError, TypeError, ValueError, RecursionError):
        raise ExpressionError("This expression does not fit the value it was given.") from None


def _what_is_missing(error: UndefinedError, parsed: BoundTemplate, fields: dict[str, Any]) -> str:
    """The field that Liquid missed, in our words; other fields may be missing and have a default."""
    liquid_says = explain(error)
    name = liquid_says.removesuffix(" is undefined").strip("'")
    missed = [(route, said) for route in _routes(parsed) if (said := known_fields.missing(route, fields))]
    named = [said for route, said in missed if known_fields.dotted(route).startswith(name)]
    return (named or [said for _, said in missed] or [liquid_says])[0]


def _filled_in(parsed: BoundTemplate, fields: dict[str, Any]) -> Any:
    lone = parsed.nodes[0] if len(parsed.nodes) == 1 else None
    if not isinstance(lone, OutputNode):
        return parsed.render(**fields)
    value = lone.expression.evaluate(RenderContext(parsed, globals=fields))
    if is_undefined(value):
        str(value)  # raises, naming the field
    if isinstance(value, str) and len(value) > LONGEST_OUTPUT:
        raise ExpressionError(f"The result is longer than {LONGEST_OUTPUT:,} characters.")
    return value


def check(template: str) -> None:
    """Raises ExpressionError when `template` cannot be understood."""
    if "{" in template:
        parse(template)


def paths(template: str) -> set[str]:
    """The fields that `template` uses, as dotted paths; of `a[b.c]` what is certain: a and b.c.

    Raises ExpressionError when it cannot be understood.
    """
    return {known_fields.dotted(route) for route in routes(template)}


def routes(template: str) -> list[tuple[str | int, ...]]:
    """The same as `paths`, in the order they are written, each as a tuple (workflows.known_fields.Route)."""
    return list(_routes(parse(template))) if "{" in template else []


def _routes(parsed: BoundTemplate) -> Iterator[tuple[str | int, ...]]:
    for node in parsed.nodes:
        if isinstance(node, OutputNode):
            yield from _routes_in(node.expression)


def _routes_in(expression: Any) -> Iterator[tuple[str | int, ...]]:
    if isinstance(expression, Path):
        known: list[str | int] = []
        for part in expression.path:
            if isinstance(part, Path):
                break
            known.append(part)
        if known:
            yield tuple(known)
    for child in expression.children():
        yield from _routes_in(child)


def render_all(value: Any, fields: dict[str, Any]) -> Any:
    """`render` applied to every text inside a JSON value."""
    if isinstance(value, str):
        return render(value, fields)
    if isinstance(value, list):
        return [render_all(item, fields) for item in value]
    if isinstance(value, dict):
        return {name: render_all(item, fields) for name, item in value.items()}
    return value


def look_up(fields: dict[str, Any], path: str) -> Any:
    """The value at a dotted path such as `trigger.incident.title`; None where there is none."""
    value: Any = fields
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, list) and value and name in ("first", "last"):
            value = value[0 if name == "first" else -1]
        else:
            return None
    return value


def is_path(text: str) -> bool:
    return len(text) <= 300 and _PATH.fullmatch(text) is not None
