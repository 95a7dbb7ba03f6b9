"""Form fields of a workflow's step: the inputs of its action, each a value or an expression."""

import re
from typing import Any

from django import forms
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from core.errors import Problem
from workflows.calls.lookups import Choices
from workflows.catalog import Json
from workflows.formatting.labels import title_of
from workflows.forms import pickers
from workflows.forms.action_fields import Prose, named
from workflows.forms.pair_lines import pairs

EXPRESSION = "="
_LONGEST = 20_000
_SHORT = 300
_PARTS = re.compile(r"(?:\{\{.*?\}\}|[^,\n{]|\{)+")
_BOOLEANS = [("true", "Yes"), ("false", "No")]


class ChoiceOrExpression(forms.Select):
    """A list to choose from, whose last entry opens a line for an expression."""

    def __init__(self, options: list[tuple[str, str]], **kwargs: Any) -> None:
        choices = [("", "Choose…"), *options, (EXPRESSION, "A field of the trigger or a step…")]
        super().__init__(choices=choices, **kwargs)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        chosen = data.get(name)
        return data.get(f"{name}__expression", "") if chosen == EXPRESSION else chosen

    def as_sent(self, name: str, value: Any) -> dict[str, list[str]]:
        """The value as a browser sends it; an entry of the list may be sent as an expression too."""
        return {name: [EXPRESSION if value else ""], f"{name}__expression": [str(value or "")]}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        listed = value in (None, "") or any(value == option for option, _ in self.choices)
        select = super().render(name, value if listed else EXPRESSION, attrs, renderer)
        line = forms.TextInput().render(
            f"{name}__expression",
            "" if listed else value,
            {"aria-label": "Expression", "maxlength": _LONGEST, "data-insert": "", "class": "mono"},
            renderer,
        )
        return format_html('<div class="or-expression">{}{}</div>', select, line)


class List(forms.CharField):
    """Several values, separated by commas or lines; a comma inside {{ }} separates nothing."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [part.strip() for part in _PARTS.findall(value or "") if part.strip()]


def field_for(name: str, schema: Json, *, required: bool, present: Any = None) -> forms.Field:
    """The form field for that property; every text may hold expressions. present: what it has to be able to show."""
    common: Json = {
        "required": required,
        "label": title_of(name, schema),
        "help_text": escape(schema.get("description", "")),
    }
    kind = schema.get("type", "string")
    if kind == "array":
        return _several(schema["items"], present, **common)
    options = _options(schema)
    if options is not None:
        return forms.CharField(max_length=_LONGEST, widget=ChoiceOrExpression(options), **common)
    if "x-pairs" in schema:
        field = pairs(schema, **common)
        field.widget.attrs["data-insert"] = ""
        return field
    if kind == "object":
        return forms.JSONField(**common)
    short = kind != "string" or schema.get("format") or schema.get("maxLength", _LONGEST) <= _SHORT
    widget = forms.TextInput if short else forms.Textarea
    attrs = {"data-insert": ""} if short else {"data-insert": "", "rows": 4}
    return Prose(max_length=_LONGEST, widget=widget(attrs=attrs), **common)


def field_of_unknown(name: str) -> forms.Field:
    """The form field for an input that the action does not have (any more), so that it is seen and not lost."""
    help_text = (
        "This action has no such input. Move what it says to another field, then clear it to save the step."
    )
    return forms.JSONField(required=False, label=name, help_text=help_text)


def _several(items: Json, present: Any, **common: Any) -> forms.Field:
    options = _options(items)
    known = [value for value, _ in options or []]
    if options and all(value in known for value in (present if isinstance(present, list) else [])):
        return forms.MultipleChoiceField(choices=options, widget=forms.CheckboxSelectMultiple, **common)
    common["help_text"] = common["help_text"] or "Separated by commas."
    return List(max_length=_LONGEST, widget=forms.TextInput(attrs={"data-insert": ""}), **common)


def _options(schema: Json) -> list[tuple[str, str]] | None:
    """The options in the schema; None where a value is typed."""
    if schema.get("type") == "boolean":
        return _BOOLEANS
    if "enum" in schema:
        return named(schema)
    return [] if "x-lookup" in schema else None


def offer(field: forms.Field, found: Choices | Problem) -> None:
    """Let `field` be chosen from what was found, or typed where that is too much or could not be loaded."""
    if isinstance(found, Problem):
        field.widget = forms.TextInput({"data-insert": ""})
        why = pickers.offered_by(found) or f"The list could not be loaded: {found.in_words}"
        field.help_text = format_html("{} {}", field.help_text, why)
    elif isinstance(field, List):
        field.help_text = format_html("{} Separated by commas.", field.help_text)
        field.widget = pickers.Suggestions(found.options, {"data-insert": ""})
    elif len(found.options) <= pickers.MOST_IN_A_LIST and found.complete:
        field.widget = ChoiceOrExpression([(option.value, option.label) for option in found.options])
    else:
        field.widget = pickers.Suggestions(found.options, {"data-insert": ""})
    if isinstance(found, Choices) and not found.complete:
        field.help_text = format_html("{} {}", field.help_text, pickers.why_incomplete(found))
    field.widget.is_required = False
