"""Form fields made from a property of an action's JSON Schema: one kind of field for each kind of property."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import escape

from workflows.catalog import Json
from workflows.formatting.labels import title_of, words
from workflows.forms.pair_lines import pairs

_LONG = 300
_VERY_LONG = 2_000
_IDS_APART = re.compile(r"[\s,;]+")
_NOT_SET = ("", "Not set")


class Prose(forms.CharField):
    """Several lines; browsers send them with CRLF, everybody else reads LF."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class Moment(forms.DateTimeField):
    """A time in the reader's zone; its value in an action's input is ISO 8601."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def prepare_value(self, value: Any) -> Any:
        try:
            parsed = parse_datetime(value) if isinstance(value, str) else value
            aware = isinstance(parsed, datetime) and timezone.is_aware(parsed)
            return super().prepare_value(parsed) if aware else value
        except (ValueError, OverflowError):  # no moment, or one that no calendar here has
            return value


class IdsInput(forms.TextInput):
    """A line of ids; takes them one by one as well, as checkboxes send them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return [value for value in data.getlist(name) if value.strip()]

    def format_value(self, value: Any) -> str:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")


class Ids(forms.Field):
    """Some ids: ["PABC123", …]."""

    widget = IdsInput

    def to_python(self, value: Any) -> list[str]:
        given = value if isinstance(value, list) else [str(value or "")]
        return [part for text in given for part in _IDS_APART.split(text) if part]


class Parted(Ids):
    """Some names with commas between: ["P1", "Sev 1"]."""

    def to_python(self, value: Any) -> list[str]:
        given = value if isinstance(value, list) else [str(value or "")]
        return [part.strip() for text in given for part in text.split(",") if part.strip()]


def _text(schema: Json, **common: Any) -> forms.Field:
    longest = schema.get("maxLength")
    if longest is not None and longest <= _LONG:
        return forms.CharField(max_length=longest, **common)
    rows = 2 if longest is not None and longest <= _VERY_LONG else 6
    return Prose(max_length=longest, widget=forms.Textarea(attrs={"rows": rows}), **common)


def _number(schema: Json, **common: Any) -> forms.Field:
    return forms.IntegerField(min_value=schema.get("minimum"), max_value=schema.get("maximum"), **common)


def _choice(schema: Json, **common: Any) -> forms.Field:
    return forms.ChoiceField(choices=[_NOT_SET, *named(schema)], **common)


def _choices(schema: Json, **common: Any) -> forms.Field:
    options = named(schema["items"])
    return forms.MultipleChoiceField(choices=options, widget=forms.CheckboxSelectMultiple, **common)


def named(schema: Json) -> list[tuple[str, str]]:
    """Return the values of an `enum` with what people call them."""
    said = schema.get("x-words", {})
    return [(value, said.get(value) or words(value)) for value in schema["enum"]]


def _ids(schema: Json, **common: Any) -> forms.Field:
    help_text = common.pop("help_text") or "IDs, separated by commas."
    return Ids(help_text=help_text, **common)


def _names(schema: Json, **common: Any) -> forms.Field:
    help_text = common.pop("help_text") or "Separated by commas."
    return Parted(help_text=help_text, **common)


def _moment(schema: Json, **common: Any) -> forms.Field:
    zone = f"In your time zone, {timezone.get_current_timezone_name()}."
    given = common.pop("help_text")
    return Moment(help_text=f"{given}. {zone}" if given else zone, **common)


_KINDS: dict[str, Callable[..., forms.Field]] = {
    "string": _text,
    "email": lambda schema, **common: forms.EmailField(max_length=schema.get("maxLength"), **common),
    "date-time": _moment,
    "integer": _number,
    "boolean": lambda schema, **common: forms.BooleanField(**common),
    "choice": _choice,
    "choices": _choices,
    "ids": _ids,
    "names": _names,
    "pairs": pairs,
    "object": lambda schema, **common: forms.JSONField(**common),
}


def _kind(schema: Json) -> str:
    if schema.get("type") == "array":
        if "enum" in schema["items"]:
            return "choices"
        return "names" if "x-separator" in schema else "ids"
    if "enum" in schema or "x-pairs" in schema:
        return "choice" if "enum" in schema else "pairs"
    formatted: str = schema.get("format", "")
    return formatted if formatted in _KINDS else str(schema.get("type", "string"))


def field_for(name: str, schema: Json, *, required: bool) -> forms.Field:
    """The form field for that property."""
    # Django's templates take help_text for HTML.
    help_text = escape(schema.get("description", ""))
    return _KINDS[_kind(schema)](schema, required=required, label=title_of(name, schema), help_text=help_text)
