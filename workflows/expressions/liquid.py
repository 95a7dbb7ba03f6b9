"""The language of fields: Liquid's paths, literals and filters, and how much of it one text may hold.

Only the reading of one field is python-liquid's; values come from `workflows.expressions.values`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from liquid import Environment, Token
from liquid.builtin.expressions import FilteredExpression, tokenize
from liquid.builtin.expressions.arguments import KeywordArgument
from liquid.builtin.expressions.path import Path
from liquid.builtin.expressions.primitive import FloatLiteral, RangeLiteral
from liquid.exceptions import LiquidError
from liquid.stream import TokenStream
from liquid.token import TOKEN_EXPRESSION

from workflows.expressions.errors import ExpressionError, shown
from workflows.expressions.filters.table import FILTERS
from workflows.expressions.scanning import Source, scan
from workflows.expressions.unknown_fields import suggestion

LONGEST_TEMPLATE = 20_000
LONGEST_OUTPUT = 100_000
_MOST_FILTERS = 400
_MOST_BRACKETS = 200
_DEEPEST = 20
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_LANGUAGE = Environment()


@dataclass(frozen=True)
class Field:
    """One field: what stands in it, and how Liquid reads that."""

    source: str
    expression: FilteredExpression

    @property
    def has_default(self) -> bool:
        return any(used.name == "default" for used in self.expression.filters or ())

    def routes(self) -> Iterator[tuple[str | int, ...]]:
        """The fields that it uses; of `a[b.c]` what is certain: a and b.c."""
        return _routes_in(self.expression)

    def bare_routes(self) -> Iterator[tuple[str | int, ...]]:
        """The routes without a default."""
        used = self.expression.filters or []
        last = max((at for at, one in enumerate(used) if one.name == "default"), default=-1)
        if last < 0:
            yield from _routes_in(self.expression.left)
        for at, one in enumerate(used):
            if one.name != "default" or at == last:
                for argument in one.args:
                    yield from _routes_in(argument.value)


Part = str | Field


@lru_cache(maxsize=512)
def parse(template: str) -> tuple[Part, ...]:
    """Raises ExpressionError when `template` cannot be understood."""
    if len(template) > LONGEST_TEMPLATE:
        raise ExpressionError(f"At most {LONGEST_TEMPLATE:,} characters.")
    parts = scan(template)
    fields = [_QUOTED.sub("", part.text) for part in parts if isinstance(part, Source)]
    for sign, most, what in (("|", _MOST_FILTERS, "filters"), ("[", _MOST_BRACKETS, "square brackets")):
        if sum(field.count(sign) for field in fields) > most:
            raise ExpressionError(f"At most {most} {what}.")
    # Python-liquid would look for the end of a range at each of them; there are no ranges here.
    if any("(" in field for field in fields):
        raise ExpressionError("Ranges such as (1..5), and brackets like these, are not allowed here.")
    return tuple(part if isinstance(part, str) else _field(template, part) for part in parts)


def _field(template: str, source: Source) -> Field:
    text = source.text
    if not text.strip():
        raise ExpressionError("A field between {{ and }} is empty.")
    try:
        whole = Token(TOKEN_EXPRESSION, text, 0, text)
        expression = FilteredExpression.parse(_LANGUAGE, TokenStream(tokenize(text, whole)))
    except (LiquidError, RecursionError, ValueError) as error:
        raise ExpressionError(_unreadable(template, source, error)) from None
    _check(expression)
    _check_filters(text, expression)
    return Field(text, expression)


def _unreadable(template: str, source: Source, error: Exception) -> str:
    """The place of the syntax error, in our words: the library's are for its own developers."""
    token = getattr(error, "token", None)
    found = token is not None and 0 <= token.start_index < len(source.text) and token.value.strip()
    place = source.at + (token.start_index if token is not None and found else len(source.text.rstrip()))
    line = template.count("\n", 0, place) + 1
    column = place - template.rfind("\n", 0, place)
    what = f"check “{token.value[:20]}”" if token is not None and found else "something is missing at its end"
    return f"{shown(source.text)} cannot be read: {what}, line {line}, character {column}."


def _check(expression: Any, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ExpressionError("These brackets are nested too deeply.")
    if isinstance(expression, RangeLiteral):
        raise ExpressionError("Ranges such as (1..5) are not allowed here.")
    if isinstance(expression, FloatLiteral) and expression.value in (float("inf"), float("-inf")):
        raise ExpressionError("This number has too many digits.")
    for child in expression.children():
        _check(child, depth + 1)


def _check_filters(source: str, expression: FilteredExpression) -> None:
    """Refuse filters that there are not, and arguments that they do not take."""
    for used in expression.filters or ():
        known = FILTERS.get(used.name)
        if known is None:
            near = suggestion(used.name, FILTERS)
            hint = f"Did you mean {near}?" if near else f"Known: {', '.join(FILTERS)}."
            raise ExpressionError(f"There is no filter {used.name[:40]}. {hint}")
        named = [argument.name for argument in used.args if isinstance(argument, KeywordArgument)]
        if said := known.misused(len(used.args) - len(named), named):
            raise ExpressionError(f"{said} In {shown(source)}.")


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
