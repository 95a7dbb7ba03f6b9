"""JSON as a person reads it on an admin page, however large or strange it is."""

import json
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from connections.storable import storable

_LONGEST = 20_000


def as_json(value: Any) -> SafeString:
    """`value` indented, at most its first 20,000 characters; a dash for nothing."""
    if value is None:
        return mark_safe("-")
    text = json.dumps(storable(value), indent=2, ensure_ascii=False)
    left = len(text) - _LONGEST
    more = f"\n… and {left} more characters" if left > 0 else ""
    return format_html("<pre>{}{}</pre>", text[:_LONGEST], more)
