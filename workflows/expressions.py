"""Expressions: Liquid fields that people put into action inputs, with nothing in the language that can run away.

Only output tags and a few filters exist: no loops, assignments, includes or ranges.
"""

import re
from functools import lru_cache
from typing import Any

from liquid import Environment, RenderContext, StrictDefaultUndefined, is_undefined
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.filters import array, misc, string
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

LONGEST_TEMPLATE = 20_000
LONGEST_OUTPUT = 100_000
_LONGEST_FIELD = 1000
_LONG_FIELD = re.compile(rf"\{{\{{[^}}]{{{_LONGEST_FIELD}}}")
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")


class ExpressionError(Exception):
    """A template that cannot be rendered; the message is for the person who wrote it."""


class _FieldLanguage(Environment):  # type: ignore[misc]
    """Liquid with output tags only."""

    output_stream_limit = LONGEST_OUTPUT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (content.Literal, output.Output, illegal.Illegal):
            self.add_tag(tag)
        for name, function in {
            "upcase": string.upcase,
            "downcase": string.downcase,
            "capitalize": string.capitalize,
            "strip": string.strip,
            "truncate": string.truncate,
            "truncatewords": string.truncatewords,
            "date": misc.date,
            "default": misc.default,
            "size": misc.size,
            "first": array.first,
            "last": array.last,
        }.items():
            self.add_filter(name, function)


_LANGUAGE = _FieldLanguage(undefined=StrictDefaultUndefined, strict_filters=True)


def render(template: str, fields: dict[str, Any]) -> Any:
    """`template` with its fields filled in. A lone `{{ field }}` keeps the field's type; else it is text.

    Raises ExpressionError (too long, syntax, unknown field or filter, output too long).
    """
    if "{" not in template:
        return template
    parsed = _parse(template)
    try:
        lone = parsed.nodes[0] if len(parsed.nodes) == 1 else None
        if isinstance(lone, OutputNode):
            value = lone.expression.evaluate(RenderContext(parsed, globals=fields))
            if is_undefined(value):
                str(value)  # raises, naming the field
            return value
        return parsed.render(**fields)
    except LiquidError as error:
        raise ExpressionError(_explain(error)) from None
    except (ArithmeticError, TypeError, ValueError, RecursionError):
        raise ExpressionError("This expression does not fit the value it was given.") from None


def check(template: str) -> None:
    """Raises ExpressionError when `template` cannot be understood."""
    if "{" in template:
        _parse(template)


@lru_cache(maxsize=512)
def _parse(template: str) -> BoundTemplate:
    if len(template) > LONGEST_TEMPLATE:
        raise ExpressionError(f"At most {LONGEST_TEMPLATE:,} characters.")
    _check_braces(template)
    try:
        parsed = _LANGUAGE.from_string(template)
    except (LiquidError, RecursionError) as error:
        raise ExpressionError(_explain(error)) from None
    for node in parsed.nodes:
        if isinstance(node, OutputNode):
            _check_expression(node.expression)
    return parsed


def _check_braces(template: str) -> None:
    """Refuse what the parser takes quadratic time for: fields that never end, long gaps; and tags, unknown here."""
    if "{%" in template:
        raise ExpressionError(
            "Tags such as {% if %} are not available; use fields such as {{ trigger.incident.id }}."
        )
    inside = False
    for brace in re.findall(r"\{\{|\}\}", template):
        if inside and brace == "{{":
            break
        inside = brace == "{{"
    if inside:
        raise ExpressionError("A field that begins with {{ has to end with }}.")
    if _LONG_FIELD.search(template):
        raise ExpressionError(f"A field is at most {_LONGEST_FIELD} characters long.")


def _check_expression(expression: Any) -> None:
    """Refuse unknown filters, and ranges: (1..99999999) would be spelled out in memory."""
    if isinstance(expression, RangeLiteral):
        raise ExpressionError("Ranges such as (1..5) are not allowed here.")
    for used in getattr(expression, "filters", None) or ():
        if used.name not in _LANGUAGE.filters:
            known = ", ".join(sorted(_LANGUAGE.filters))
            raise ExpressionError(f"There is no filter {used.name}. Known: {known}.")
    for child in expression.children():
        _check_expression(child)


def _explain(error: Exception) -> str:
    return str(error).splitlines()[0][:300] or "This expression cannot be read."


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
        else:
            return None
    return value


def is_path(text: str) -> bool:
    return len(text) <= 300 and _PATH.fullmatch(text) is not None
