"""The language of expressions: Liquid's output tags and a few filters, and how much of it one text may hold."""

import re
from functools import lru_cache
from typing import Any

from liquid import Environment, StrictDefaultUndefined
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

from workflows import filters
from workflows.known_fields import suggestion

LONGEST_TEMPLATE = 20_000
LONGEST_OUTPUT = 100_000
MOST_FIELDS = 200
_MOST_FILTERS = 400
_LONGEST_FIELD = 1000
_DEEPEST = 20
_LONG_FIELD = re.compile(rf"\{{\{{[^}}]{{{_LONGEST_FIELD}}}")
_INSIDE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class ExpressionError(Exception):
    """A template that cannot be rendered; the message is for the person who wrote it."""


class _FieldLanguage(Environment):  # type: ignore[misc]
    """Liquid with output tags only."""

    output_stream_limit = LONGEST_OUTPUT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (content.Literal, output.Output, illegal.Illegal):
            self.add_tag(tag)
        for name, one in filters.FILTERS.items():
            self.add_filter(name, one.function)


_LANGUAGE = _FieldLanguage(undefined=StrictDefaultUndefined, strict_filters=True)


@lru_cache(maxsize=512)
def parse(template: str) -> BoundTemplate:
    if len(template) > LONGEST_TEMPLATE:
        raise ExpressionError(f"At most {LONGEST_TEMPLATE:,} characters.")
    _check_braces(template)
    try:
        parsed = _LANGUAGE.from_string(template)
    except (LiquidError, RecursionError) as error:
        raise ExpressionError(explain(error)) from None
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
    fields = _INSIDE.findall(template)
    if len(fields) > MOST_FIELDS:
        raise ExpressionError(f"At most {MOST_FIELDS} fields.")
    for sign, most, what in (("|", _MOST_FILTERS, "filters"), ("[", MOST_FIELDS, "square brackets")):
        if sum(field.count(sign) for field in fields) > most:
            raise ExpressionError(f"At most {most} {what}.")


def _check_expression(expression: Any, depth: int = 0) -> None:
    """Refuse unknown filters, and ranges: (1..99999999) would be spelled out in memory."""
    if depth > _DEEPEST:
        raise ExpressionError("These brackets are nested too deeply.")
    if isinstance(expression, RangeLiteral):
        raise ExpressionError("Ranges such as (1..5) are not allowed here.")
    for used in getattr(expression, "filters", None) or ():
        if used.name not in _LANGUAGE.filters:
            near = suggestion(used.name, _LANGUAGE.filters)
            hint = f"Did you mean {near}?" if near else f"Known: {', '.join(sorted(_LANGUAGE.filters))}."
            raise ExpressionError(f"There is no filter {used.name[:40]}. {hint}")
    for child in expression.children():
        _check_expression(child, depth + 1)


def explain(error: Exception) -> str:
    return str(error).splitlines()[0][:300] or "This expression cannot be read."
