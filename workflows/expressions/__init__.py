"""Expressions: Liquid fields that people put into action inputs, with nothing in the language that can run away.

Only fields and a few filters exist: no loops, assignments, includes or ranges.
"""

import re
from typing import Any

from workflows import known_fields
from workflows.expressions.errors import ExpressionError
from workflows.expressions.liquid import Field, parse
from workflows.expressions.render import render, render_all

__all__ = ["ExpressionError", "check", "is_path", "look_up", "paths", "render", "render_all", "routes"]
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")


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
    if "{" not in template:
        return []
    return [route for part in parse(template) if isinstance(part, Field) for route in part.routes()]


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
