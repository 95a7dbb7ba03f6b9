"""Pickers: form fields that are filled by choosing from a look-up, or by typing where it could not be loaded."""

from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connections.grants import registry
from core.errors import Problem
from workflows.calls.lookups import Choices
from workflows.catalog import Option
from workflows.forms.action_fields import Ids

# More than these are not scrolled through but typed, with suggestions.
MOST_IN_A_LIST = 200


class Suggestions(forms.TextInput):
    """A line with a <datalist>; works as any other line where the browser makes nothing of that."""

    def __init__(self, options: list[Option], attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**(attrs or {}), "autocomplete": "off"})
        self.options = options

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        list_id = f"options_{name}"
        line = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        options = format_html_join(
            "", '<option value="{}">{}</option>', ((one.value, one.label) for one in self.options)
        )
        return format_html('{}<datalist id="{}">{}</datalist>', line, list_id, options)


def offer(field: forms.Field, found: Choices | Problem, present: Any) -> None:
    """Let `field` be chosen from what was found. present: its value now, kept also when it is not in the list."""
    if isinstance(found, Problem):
        what = "address" if isinstance(field, forms.EmailField) else "ID"
        _explain(
            field, offered_by(found) or f"The list could not be loaded; type the {what}. ({found.in_words})"
        )
        return
    listed = found.complete and len(found.options) <= MOST_IN_A_LIST
    if isinstance(field, Ids):
        if listed and found.options:
            _use(field, forms.CheckboxSelectMultiple(choices=_with(found.options, present)))
            field.help_text = ""
        elif not listed:
            _explain(field, found.incomplete_reason or "Too many to list here.")
    elif listed:
        _use(field, forms.Select(choices=[("", "Choose…"), *_with(found.options, present)]))
    else:
        _use(field, Suggestions(found.options, field.widget_attrs(forms.TextInput())))
        if not found.complete:
            _explain(field, why_incomplete(found))


def offered_by(problem: Problem) -> str:
    """Return how to be offered the list, if it needs a permission that people choose; else ""."""
    scope = (problem.detail or {}).get("scope", "") if problem.code == "missing_scope" else ""
    permission = registry.optional_permission_of(scope)
    return f"To choose from a list, reconnect with “{permission.label}”." if permission else ""


def why_incomplete(found: Choices) -> str:
    """Return what is missing in an incomplete list, and that it can be typed."""
    if found.incomplete_reason:
        return f"{found.incomplete_reason} Any other can be typed."
    return f"Only the first {len(found.options)} are suggested; any other can be typed."


def _with(options: list[Option], present: Any) -> list[tuple[str, str]]:
    known = {option.value for option in options}
    given = present if isinstance(present, list) else [present]
    lost = [(str(value), f"{value} (not in the list)") for value in given if value and value not in known]
    return [*((option.value, option.label) for option in options), *lost]


def _use(field: forms.Field, widget: forms.Widget) -> None:
    widget.is_required = field.required
    field.widget = widget


def _explain(field: forms.Field, words: str) -> None:
    given = field.help_text
    stop = "." if given and not given.endswith((".", "!", "?")) else ""
    field.help_text = format_html("{}{} {}", given, stop, words).strip()
