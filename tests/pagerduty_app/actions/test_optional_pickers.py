"""Lists to choose from that need an optional permission: with it they are offered, without it the page says how."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Connection
from pagerduty_app.oauth.scopes import OPTIONAL
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import People
from tests.support.consent import consented

pytestmark = pytest.mark.django_db


@pytest.fixture
def connect(who: People, sandbox: Sandbox) -> Callable[..., Connection]:
    def made(*optional: str) -> Connection:
        return consented(who.alice, who.acme, sandbox, optional=optional)

    return made


def form_of(alice: Client, connection: Connection, action: str) -> str:
    page = alice.get(reverse("actions:try", args=[connection.pk, "pagerduty", action]), follow=True)
    return str(page.content.decode())


def test_with_the_permission_names_are_chosen(alice: Client, connect: Callable[..., Connection]) -> None:
    connection = connect("choices", "escalation_policies")

    update = form_of(alice, connection, "update-incident")
    create = form_of(alice, connection, "create-incident")

    assert '<option value="P1">P1</option>' in update
    assert '<option value="major_incident">Major incident</option>' in update
    assert '<option value="PPOL00">Payments escalation</option>' in update
    assert '<option value="PPRIO01">P1</option>' in create
    assert "To choose from a list, reconnect" not in update + create


def test_without_it_the_field_is_typed_and_says_what_to_ask_for(
    alice: Client, connect: Callable[..., Connection]
) -> None:
    page = form_of(alice, connect(), "update-incident")

    for permission in OPTIONAL:
        asked = f"To choose from a list, reconnect with “{permission.label}”." in page
        assert asked is (permission.key in ("choices", "escalation_policies")), permission.key
    assert 'name="priority"' in page
