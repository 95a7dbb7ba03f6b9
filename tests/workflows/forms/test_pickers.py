"""Pickers: services and users by name, many of them, and none because the list could not be loaded."""

import re
import threading
from typing import Any

import pytest
import responses
from django import forms
from django.test import Client

from connections.models import Connection, Grant
from pagerduty_app.actions import ACTIONS
from tests.factories import API, DANA, SYSTEM, People
from tests.support.agency import connection, form_path, look, send
from workflows.calls import lookups
from workflows.catalog import Option
from workflows.forms import pickers
from workflows.forms.action_fields import Ids
from workflows.forms.step import StepForm

__all__ = ["connection"]
pytestmark = pytest.mark.django_db


def test_services_and_users_are_chosen_by_name(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = look(bob, form_path(connection, "create-incident"))

    assert '<option value="PSVC1">Payments</option>' in page
    assert f'<option value="{DANA}">Dana ({DANA})</option>' in page
    assert re.search(r'type="checkbox" name="assignee_ids" value="PUSER"', page)


def test_ones_own_address_is_chosen_already(
    bob: Client, who: People, connection: Connection, provider: responses.RequestsMock
) -> None:
    who.bob.email = DANA.upper()
    who.bob.save()

    page = look(bob, form_path(connection, "create-incident"))

    assert f'<option value="{DANA}" selected>' in page


def test_the_usual_from_address_of_the_connection_comes_before_ones_own(
    bob: Client, who: People, connection: Connection, provider: responses.RequestsMock
) -> None:
    Connection.objects.update(default_from=DANA)

    page = look(bob, form_path(connection, "create-incident"))

    assert f'<option value="{DANA}" selected>' in page


def rows(count: int, *, more: bool = False) -> dict[str, Any]:
    return {
        "services": [{"id": f"P{n:05}", "name": f"Service {n}"} for n in range(count)],
        "more": more,
    }


@pytest.mark.parametrize(("count", "more"), [(201, False), (501, True)])
def test_many_services_are_suggested_while_typing(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock, count: int, more: bool
) -> None:
    pagerduty.get(f"{API}/services", json=rows(count, more=more))

    page = look(bob, form_path(connection, "create-incident"))

    assert re.search(r'<input type="text" name="service_id"[^>]*list="options_service_id"', page)
    assert '<datalist id="options_service_id"><option value="P00000">Service 0</option>' in page
    assert ("Only the first 500 are suggested" in page) == more


MISSING = "Shift-based schedules are missing: PagerDuty refused to list them (&lt;b&gt;No&lt;/b&gt;)."


@pytest.fixture
def one_kind(provider: responses.RequestsMock) -> None:
    """Layer-based schedules are listed, shift-based ones refused."""
    refusal = {"error": {"message": "<b>No</b>", "code": 2010}}
    provider.replace(responses.GET, f"{API}/v3/schedules", status=403, json=refusal)


def test_a_list_that_lacks_something_can_be_typed_in_and_says_why(
    bob: Client, connection: Connection, one_kind: None
) -> None:
    page = look(bob, form_path(connection, "list-on-call"))

    assert re.search(r'<input type="text" name="schedule_id"[^>]*list="options_schedule_id"', page)
    assert '<option value="PSCHED1">Primary</option>' in page
    assert f"{MISSING} Any other can be typed." in page


def test_a_step_of_a_workflow_says_it_as_well(connection: Connection, one_kind: None) -> None:
    choices_of = lookups.asker(actor=SYSTEM, connection=connection)
    form = StepForm(ACTIONS["pagerduty/list-on-call"], {"connection": str(connection.pk)}, connections=[])

    form.offer(choices_of, "")

    field = form.fields["in-schedule_id"]
    assert isinstance(field.widget, pickers.Suggestions)
    assert f"{MISSING} Any other can be typed." in str(field.help_text)


@pytest.mark.parametrize(
    ("reason", "words"), [("", "Too many to list here."), ("Some are missing.", "Some are missing.")]
)
def test_several_are_not_ticked_off_in_a_list_that_lacks_some(reason: str, words: str) -> None:
    field = Ids()

    pickers.offer(field, lookups.Choices([Option("P1", "One")], complete=False, incomplete_reason=reason), [])

    assert not isinstance(field.widget, forms.CheckboxSelectMultiple)
    assert words in str(field.help_text)


def test_a_list_that_was_refused_becomes_a_line_to_type_in(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    refusal = {"error": {"message": "<b>Access</b> Denied", "code": 2010}}
    pagerduty.get(f"{API}/services", status=403, json=refusal)

    answer = bob.get(form_path(connection, "create-incident"), follow=True)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert re.search(r'<input type="text" name="service_id"', page)
    assert "could not be loaded; type the ID. (&lt;b&gt;Access&lt;/b&gt; Denied)" in page
    assert f'<option value="{DANA}">' in page


def test_a_list_that_was_not_granted_becomes_a_line_to_type_in(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    Grant.objects.update(scopes_granted=["incidents.read", "incidents.write", "users.read"])

    page = look(bob, form_path(connection, "create-incident"))

    assert re.search(r'<input type="text" name="service_id"', page)
    assert "was not granted services.read" in page


def test_a_provider_that_is_slow_does_not_hold_the_page_up(
    bob: Client,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "SECONDS", 0.05)
    over = threading.Event()

    def slow(request: Any) -> tuple[int, dict[str, str], str]:
        over.wait(20)
        return 200, {}, "{}"

    pagerduty.replace(responses.CallbackResponse(responses.GET, f"{API}/users", slow))
    pagerduty.add_callback(responses.GET, f"{API}/services", slow)

    answer = bob.get(form_path(connection, "create-incident"), follow=True)
    over.set()

    assert answer.status_code == 200
    assert "The provider timed out" in answer.content.decode()
    assert 'name="service_id"' in answer.content.decode()


def test_what_was_typed_stays_although_it_is_not_in_the_list(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    wrong = {"from": DANA, "service_id": "PGONE", "title": ""}

    page = send(bob, connection, "create-incident", wrong).content.decode()

    assert '<option value="PGONE" selected>PGONE (not in the list)</option>' in page


def test_names_from_the_provider_are_only_text(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    hostile = [{"id": 'P"><script>', "name": "<script>alert(1)</script>"}, {"id": "P2", "name": "x" * 5_000}]
    pagerduty.get(f"{API}/services", json={"services": hostile})

    page = look(bob, form_path(connection, "create-incident"))

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "x" * 201 not in page
