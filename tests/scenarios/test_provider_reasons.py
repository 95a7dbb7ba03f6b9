"""The provider's reasons reach the person: on every page, in the API, in mails and for support."""

from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.admin.shared.payloads import as_error
from connections.connecting import health_check
from connections.grants import state as grant_state
from connections.models import Connection, Workspace
from core import errors
from pagerduty_app.client.refusals import MOST_REASONS
from tests.factories import API, SYSTEM, incident_event
from tests.support import notified
from tests.support.action_calls import failed, made, page_of
from tests.support.agency import NOTE, connection, form_path, look, send
from tests.support.browser import text
from workflows import worker
from workflows.engine import fanout
from workflows.models import ActionCall, Run, Subscription, Trigger, Watch, Workflow
from workflows.subscriptions import webhook_states
from workflows.triggers import warnings

__all__ = ["connection"]
pytestmark = pytest.mark.django_db
REFUSAL = {
    "error": {
        "message": "Invalid Input",
        "code": "2001",
        "errors": {"title": ["is too long", "<b>is odd</b>"]},
    }
}
LIST = ["title: is too long", "title: <b>is odd</b>"]
STORED = {
    "code": "invalid_at_provider",
    "message": "Invalid Input",
    "provider_status": 400,
    "retryable": False,
    "detail": {"reasons": LIST},
}


def reasons_on(page: str) -> list[str]:
    """Those of the first list of reasons, as written in the page."""
    _, there, rest = page.partition('<ul class="reasons"')
    items = rest.partition("</ul>")[0].split("<li>")[1:] if there else []
    return [item.partition("</li>")[0] for item in items]


ESCAPED = ["title: is too long", "title: &lt;b&gt;is odd&lt;/b&gt;"]


@pytest.fixture
def workspace(connection: Connection) -> Workspace:
    return connection.workspace


def refusing(pagerduty: responses.RequestsMock, **answer: Any) -> None:
    pagerduty.get(f"{API}/incidents/PINC1/notes", json={"notes": []})
    pagerduty.post(f"{API}/incidents/PINC1/notes", **({"json": REFUSAL, "status": 400} | answer))


def test_on_the_page_of_a_call(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    refusing(pagerduty)

    page = bob.get(send(bob, connection, "create-incident-note", NOTE).url).content.decode()

    assert reasons_on(page) == ESCAPED
    assert "Edit it and retry." in page


def test_calls_of_before_show_theirs(bob: Client, connection: Connection) -> None:
    page = page_of(
        bob, failed(connection, "invalid_at_provider", error={"detail": {"errors": ["as it was"]}})
    )

    assert reasons_on(page) == ["as it was"]


@pytest.mark.parametrize("status", ["waiting", "paused"])
def test_on_the_page_of_a_call_that_waits(bob: Client, connection: Connection, status: str) -> None:
    page = page_of(bob, made(connection, status=status, error=STORED, next_attempt_at=timezone.now()))

    assert reasons_on(page) == ESCAPED


def test_on_the_form_that_is_sent_again(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    call = failed(connection, "invalid_at_provider", error={"detail": {"reasons": LIST}})

    assert reasons_on(look(bob, f"{form_path(connection, 'get-incident')}?again={call.pk}")) == ESCAPED


def test_on_the_page_of_a_run_and_of_its_step(
    bob: Client, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    refusing(pagerduty)
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()

    page = bob.get(reverse("workflows:run", args=[run.id])).content.decode()

    assert run.status == "failed"
    assert page.count('<ul class="reasons"') == 2
    assert reasons_on(page) == ESCAPED
    assert reasons_on(page.partition('id="steps"')[2]) == ESCAPED


def test_in_the_api(connection: Connection, note_workflow: Workflow, deliver: Any, pagerduty: Any) -> None:
    refusing(pagerduty)
    deliver(incident_event())
    worker.drain()

    error = ActionCall.objects.get().error
    assert error is not None
    assert error["detail"] == {"provider_code": "2001", "reasons": LIST}
    assert Run.objects.get().error["detail"]["reasons"] == LIST  # type: ignore[index]


def test_where_a_list_to_choose_from_could_not_be_loaded(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.get(f"{API}/services", status=400, json=REFUSAL)

    page = look(bob, form_path(connection, "create-incident"))

    assert "Invalid Input: title: is too long; title: &lt;b&gt;is odd&lt;/b&gt;." in page


def test_when_a_connection_is_checked(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.replace("GET", f"{API}/users", status=402, json=REFUSAL)

    answer = bob.post(reverse("connections:check", args=[connection.pk]), follow=True)

    assert "Invalid Input: title: is too long" in text(answer)
    assert health_check.check(actor=SYSTEM, connection=connection)["reasons"] == LIST


def test_when_a_trigger_cannot_look_or_make_its_webhook(trigger: Trigger) -> None:
    trigger.watch = Watch(trigger=trigger, trouble=STORED)
    said = warnings.concerns_of(trigger, held=0, refused=0, refused_before=0, quiet_since=None)
    webhook = Subscription(trigger=trigger, status="failed", error=STORED)

    assert "title: is too long" in said[0].words
    assert "title: is too long" in webhook_states.said(webhook)


def test_in_the_mail_about_a_broken_connection(connection: Connection) -> None:
    grant_state.break_off(connection, generation=connection.grant.generation, reason="Authorisation\nended.")

    assert "Reason: Authorisation ended. The connection can no longer" in notified.tell()[0].body


def test_for_support() -> None:
    assert "Invalid Input: title: is too long; title: &lt;b&gt;is odd&lt;/b&gt;." in as_error(STORED)


@pytest.mark.parametrize("error", [None, {}, [], "x", {"detail": []}, {"detail": {"reasons": "x"}}])
def test_an_error_without_reasons_has_none(error: Any) -> None:
    assert errors.reasons_of(error) == []
    assert len(errors.reasons_of(STORED)) <= MOST_REASONS


def test_an_event_that_is_fanned_out_needs_no_error(
    note_workflow: Workflow, deliver: Any, bob: Client
) -> None:
    deliver(incident_event())
    fanout.fan_out_due()

    assert reasons_on(bob.get(reverse("workflows:run", args=[Run.objects.get().id])).content.decode()) == []
