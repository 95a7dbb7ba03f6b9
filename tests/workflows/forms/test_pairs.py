"""Names with values: a line each on forms, an object in the input, with values of any kind."""

from typing import Any

import pytest
import responses
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
    ],
)
def test_lines_are_read(field_for: Any, text: str, pairs: Any) -> None:
    field = field_for("custom_fields", SCHEMA, required=False)

    assert field.clean(text) == pairs


def test_values_of_every_kind_are_shown() -> None:
    field = action_fields.field_for("custom_fields", SCHEMA, required=False)
    values = {"a": "x", "b": 5, "c": True, "d": ["eu", "us"], "e": None}

    assert field.prepare_value(values) == "a: x\nb: 5\nc: true\nd: eu, us\ne: "


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
