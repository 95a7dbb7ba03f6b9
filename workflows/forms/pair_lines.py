"""The form field of names with values: a line each, `name: value`."""

import json
import re
from typing import Any

from django import forms

from workflows.catalog import Json

_ONE_EXPRESSION = re.compile(r"\{\{(?:(?!\}\}).)*\}\}", re.DOTALL)
# A colon within {{ }} separates nothing: default: 'x'.
_PARTS = re.compile(r"((?:\{\{.*?\}\}|[^:{]|\{)*):(.*)", re.DOTALL)
_HOW = "One per line, such as environment: production. Separate several values with commas."


class PairLines(forms.CharField):
    """Names with values, {"environment": "production"}: a line each, with a colon between.

    What lines cannot show, such as text of several lines, is shown and taken as JSON. One expression may stand for all.
    """

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if all(_fits(name, one) for name, one in value.items()):
            return "\n".join(f"{name}: {_said(one)}" for name, one in value.items())
        return json.dumps(value, ensure_ascii=False, indent=1)

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").strip()
        if text.startswith("{") and not text.startswith("{{"):
            return _of_json(text)
        if not text or _ONE_EXPRESSION.fullmatch(text):
            return text
        found: Json = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            parts = _PARTS.fullmatch(line)
            if parts is None:
                raise forms.ValidationError("Enter a name, a colon and a value on each line.")
            name, one = (part.strip() for part in parts.groups())
            if name in found:
                raise forms.ValidationError(f"{name} is there twice.")
            found[name] = one
        return found


def pairs(schema: Json, **common: Any) -> forms.Field:
    """The form field for an object whose properties are typed as lines of `name: value`."""
    given = common.pop("help_text")
    return PairLines(help_text=f"{given}. {_HOW}" if given else _HOW, **common)


def _of_json(text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise forms.ValidationError("Enter a JSON object, or a name, a colon and a value on each line.")
    return found


def _fits(name: str, value: Any) -> bool:
    """Return whether a line says the name and the value so that they are read again as they are."""
    parts = _PARTS.fullmatch(f"{name}: {_said(value)}")
    if parts is None or "\n" in _said(value) or "\r" in _said(value) or name.startswith("{"):
        return False
    same = (parts[1], parts[2].strip()) == (name, _said(value)) and name == name.strip()
    if isinstance(value, list):
        return same and all(
            isinstance(one, str) and one.strip() == one != "" and "," not in one for one in value
        )
    return same and not isinstance(value, dict)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
