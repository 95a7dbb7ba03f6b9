"""Expressions: Liquid fields that people put into action inputs, with nothing in the language that can run away.

Only fields and a few filters exist: no loops, assignments, includes or ranges.
"""

from collections.abc import Iterator
from typing import Any

from workflows.expressions import unknown_fields
from workflows.expressions.errors import ExpressionError
from workflows.expressions.liquid import Field, parse
from workflows.expressions.render import render, render_all

__all__ = [
    "ExpressionError",
    "bare_routes",
    "check",
    "literal_length",
    "paths",
    "render",
    "render_all",
    "routes",
    "texts_in",
]


def check(template: str) -> None:
    """Raises ExpressionError when `template` cannot be understood."""
    if "{" in template:
        parse(template)


def literal_length(template: str) -> int:
    """The number of characters of `template` outside its fields. Raises ExpressionError."""
    if "{" not in template:
        return len(template)
    return sum(len(part) for part in parse(template) if isinstance(part, str))


def paths(template: str) -> set[str]:
    """The fields that `template` uses, as dotted paths; of `a[b.c]` what is certain: a and b.c.

    Raises ExpressionError when it cannot be understood.
    """
    return {unknown_fields.dotted(route) for route in routes(template)}


def routes(template: str) -> list[tuple[str | int, ...]]:
    """The same as `paths`, in the order they are written, each as a tuple (expressions.unknown_fields.Route)."""
    if "{" not in template:
        return []
    return [route for part in parse(template) if isinstance(part, Field) for route in part.routes()]


def bare_routes(template: str) -> list[tuple[str | int, ...]]:
    """The `routes` without a default: if null or missing, they fail the step."""
    if "{" not in template:
        return []
    return [route for part in parse(template) if isinstance(part, Field) for route in part.bare_routes()]


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value that is not nested too deeply: each can be a template."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_in(item)
