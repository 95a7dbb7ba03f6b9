"""Fill in templates: the one way from a text with fields to a value."""

from collections.abc import Mapping
from typing import Any

from workflows.expressions.allowance import one_rendering
from workflows.expressions.errors import ExpressionError, shown
from workflows.expressions.liquid import LONGEST_OUTPUT, Field, parse
from workflows.expressions.values import HINT, value_of
from workflows.expressions.writing import text_of

_TOO_LONG = f"The result is longer than {LONGEST_OUTPUT:,} characters."


def render(template: str, fields: Mapping[str, Any], *, gaps: bool = True) -> Any:
    """`template` with its fields filled in. A lone `{{ field }}` keeps the field's type; else it is text.

    gaps: whether a field among text may be empty; in an identity, what differs only there would become one. Raises
    ExpressionError (too long, syntax, a field that is missing or null, a filter that does not fit).
    """
    if "{" not in template:
        return template
    parts = parse(template)
    with one_rendering():
        if len(parts) == 1 and isinstance(parts[0], Field):
            value = value_of(parts[0], fields)
            if isinstance(value, str) and len(value) > LONGEST_OUTPUT:
                raise ExpressionError(_TOO_LONG)
            return value
        texts, length = [], 0
        for part in parts:
            texts.append(part if isinstance(part, str) else _written(part, fields, gaps=gaps))
            length += len(texts[-1])
            if length > LONGEST_OUTPUT:
                raise ExpressionError(_TOO_LONG)
    return "".join(texts)


def _written(field: Field, fields: Mapping[str, Any], *, gaps: bool) -> str:
    value = value_of(field, fields)
    if not gaps and not field.has_default and _is_empty(value):
        raise ExpressionError(f"{shown(field.source)} is empty, so a part of this would be missing. {HINT}")
    try:
        return text_of(value)
    except (ValueError, RecursionError):
        raise ExpressionError(f"This cannot be written as text: {shown(field.source)}.") from None


def _is_empty(value: Any) -> bool:
    return not value.strip() if isinstance(value, str) else isinstance(value, list | dict) and not value


def render_all(value: Any, fields: Mapping[str, Any], *, gaps: bool = True) -> Any:
    """`render` applied to every text inside a JSON value."""
    if isinstance(value, str):
        return render(value, fields, gaps=gaps)
    if isinstance(value, list):
        return [render_all(item, fields, gaps=gaps) for item in value]
    if isinstance(value, dict):
        return {name: render_all(item, fields, gaps=gaps) for name, item in value.items()}
    return value
