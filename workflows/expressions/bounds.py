"""Bounds of inputs: what has been typed too long is refused when it is saved, not when the workflow runs."""

from typing import Any

from rest_framework import serializers

from workflows import expressions


def beyond(field: Any, value: Any) -> str:
    """Return in words which bound of that input `value` violates regardless of its fields' values; "" for none.

    value: as a step keeps it, with templates that parse.
    """
    if isinstance(value, list):
        return _of_list(field, value)
    if isinstance(field, serializers.IntegerField):
        return _of_number(field, value)
    longest = getattr(field, "max_length", None)
    if not isinstance(value, str) or longest is None or isinstance(field, serializers.ListField):
        return ""
    length = expressions.literal_length(value)
    if length <= longest:
        return ""
    what = "what stands around its fields has" if expressions.routes(value) else "this has"
    return f"At most {longest:,} characters; {what} {length:,}."


def _of_list(field: Any, items: list[Any]) -> str:
    if not isinstance(field, serializers.ListField):
        return ""
    if field.max_length is not None and len(items) > field.max_length:
        return f"At most {field.max_length:,} entries; these are {len(items):,}."
    return next((said for item in items if (said := beyond(field.child, item))), "")


def _of_number(field: Any, value: Any) -> str:
    if isinstance(value, str) and "{" in value:
        return ""
    try:
        field.run_validation(value)
    except serializers.ValidationError as error:
        return " ".join(map(str, error.detail))
    return ""
