"""Names with values: a line each on forms, an object in the input, with values of any kind."""

from typing import Any

import pytest
import responses
from django import forms
from django.test import Client

from connections.models import Connection
from tests.support.agency import SENT, connection, form_path, look, send
from workflows.forms import action_fields, step_fields
from workflows.models import ActionCall

__all__ = ["connection"]
SCHEMA = {"type": "object", "x-pairs": True, "description": "Name or ID"}


@pytest.mark.parametrize("field_for", [action_fields.field_for, step_fields.field_for])
@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("environment: production", {"environment": "production"}),
        ("a: 1\r\n\r\n b :  x: y \n c:", {"a": "1", "b": "x: y", "c": ""}),
        ("link: {{ trigger.incident.html_url }}", {"link": "{{ trigger.incident.html_url }}"}),
        (" \n ", ""),
        ("{{ steps.a.output }}", "{{ steps.a.output }}"),
        ("{{ steps.a.output | default: x }}", "{{ steps.a.output | default: x }}"),
        ("{{ trigger.name | default: 'a' }}: b", {"{{ trigger.name | default: 'a' }}": "b"}),
        ('{"a": "x\\ny", "b": ["u, v", "w"]}', {"a": "x\ny", "b": ["u, v", "w"]}),
    ],
)
def test_lines_are_read(field_for: Any, text: str, pairs: Any) -> None:
    field = field_for("custom_fields", SCHEMA, required=False)

    assert field.clean(text) == pairs


def test_values_of_every_kind_are_shown() -> None:
    field = action_fields.field_for("custom_fields", SCHEMA, required=False)
    values = {"a": "x", "b": 5, "c": True, "d": ["eu", "us"], "e": None}

    assert field.prepare_value(values) == "a: x\nb: 5\nc: true\nd: eu, us\ne: "


@pytest.mark.parametrize(
    "values",
    [
        {"a": "x", "b": "y: z", "c": "{{ trigger.x | default: 'q' }}"},
        {"notes": "see\nhttp://x"},
        {"notes": "a\r\nb"},
        {"regions": ["eu, west", "us"]},
        {"a: b": "c"},
        {" a": "c"},
        {"a": " c"},
        {"a": {"b": 1}},
        {"{a": "b"},
        {"a": ["", "b"]},
        {"": "b"},
        {"{{ a | default: 'x' }}": "b"},
    ],
    ids=str,
)
def test_what_is_shown_is_read_again_as_it_was(values: Any) -> None:
    field = action_fields.field_for("custom_fields", SCHEMA, required=False)

    assert field.clean(field.prepare_value(values)) == values


@pytest.mark.parametrize("text", ["a: 1\na: 2", "{not json", "a: 1\nb"])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    field = action_fields.field_for("custom_fields", SCHEMA, required=False)

    with pytest.raises(forms.ValidationError):
        field.clean(text)


@pytest.mark.django_db
def test_a_line_without_a_colon_is_named_beside_the_field_and_kept(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    action = "set-custom-fields"
    assert "One per line" in look(bob, form_path(connection, action))

    answer = send(bob, connection, action, SENT[action] | {"custom_fields": "environment production"})

    page = answer.content.decode()
    assert "Enter a name, a colon and a value on each line." in page
    assert "environment production</textarea>" in page
    assert not ActionCall.objects.exists()
