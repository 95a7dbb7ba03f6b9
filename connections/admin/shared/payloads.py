"""JSON as a person reads it on an admin page, however large or strange it is."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from core.errors import in_words
from core.text import json_preview


def as_json(value: Any) -> SafeString:
    """`value` indented, and cut where it is too long for a page; a dash for nothing."""
    if value is None:
        return mark_safe("-")  # a constant  # nosec B308
    text, cut = json_preview.shown(value)
    return format_html('<pre tabindex="0">{}{}</pre>', text, "\n… (truncated)" if cut else "")


def as_error(error: Any) -> SafeString:
    """A stored error: message and reasons as a sentence, then all of it."""
    return format_html("<p>{}</p>{}", in_words(error), as_json(error)) if in_words(error) else as_json(error)
