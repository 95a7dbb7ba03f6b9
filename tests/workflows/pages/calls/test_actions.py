"""Trying an action in the browser: the list of actions, who may, and what no page may show."""

import re

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from connections.models import Connection, Grant, Membership
from pagerduty_app.actions import ACTIONS
from tests.factories import People, connect
from tests.support.agency import NOTE, SENT, connection, form_path, list_path, look, send
from tests.support.browser import BACKEND, signed_in
from workflows.models import ActionCall

__all__ = ["connection"]
pytestmark = pytest.mark.django_db


def test_every_action_is_offered_in_plain_words(bob: Client, connection: Connection) -> None:
    page = bob.get(list_path(connection)).content.decode()

    for action in ACTIONS.values():
        assert form_path(connection, action.path[1]) in page
        assert escape(action.description) in page
    assert page.index("Read") < page.index("Get incident") < page.index("Write")
    assert page.index("Write") < page.index("Create incident")


def test_what_was_not_granted_cannot_be_used_and_says_the_way(bob: Client, connection: Connection) -> None:
    Grant.objects.update(scopes_granted=["incidents.read"])

    page = bob.get(list_path(connection)).content.decode()
    form = look(bob, form_path(connection, "create-incident"))

    assert form_path(connection, "get-incident") in page
    assert form_path(connection, "create-incident") not in page
    assert "Missing: incidents.write (Create and update incidents, add notes); users.read" in page
    assert "Reconnect to request it." in page
    assert reverse("connections:reconnect", args=[connection.pk]) in page
    assert "was not granted incidents.write" in form
    assert "Reconnect with these permissions" in form
    assert 'name="_once"' not in form


@pytest.mark.parametrize("status", ["pending", "error", "revoked"])
def test_a_connection_that_cannot_be_used_offers_nothing(who: People, bob: Client, status: str) -> None:
    other = Connection.objects.create(
        workspace=who.acme,
        provider="pagerduty",
        label="Other",
        status="pending",
    )
    if status != "pending":
        other = connect(who.acme, "Broken")
        revoked = {"revoked_at": other.created_at} if status == "revoked" else {}
        Connection.objects.filter(pk=other.pk).update(status=status, **revoked)

    page = bob.get(list_path(other)).content.decode()
    form = bob.get(form_path(other, "get-incident"), follow=True)

    assert "This connection is unavailable." in page
    assert form_path(other, "get-incident") not in page
    assert (form.status_code, 'name="_once"' in form.content.decode()) == (200, False)


# --- who may ---
@pytest.mark.parametrize("action", ["get-incident", "create-incident-note"])
def test_a_foreign_connection_is_not_there(
    who: People, connection: Connection, pagerduty: responses.RequestsMock, action: str
) -> None:
    charlie = signed_in(who.charlie)

    answers = [
        charlie.get(list_path(connection)),
        charlie.get(form_path(connection, action), follow=True),
        send(charlie, connection, action, SENT[action]),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert ActionCall.objects.count() == len(pagerduty.calls) == 0


def test_a_foreign_call_does_not_fill_a_form_in(
    who: People, connection: Connection, provider: responses.RequestsMock
) -> None:
    send(signed_in(who.bob), connection, "create-incident-note", NOTE)
    theirs, ours = connect(who.other), ActionCall.objects.get()
    charlie, bob = signed_in(who.charlie), signed_in(who.bob)

    def status(browser: Client, where: Connection, action: str, again: object) -> int:
        return browser.get(form_path(where, action) + f"?again={again}", follow=True).status_code

    assert status(charlie, theirs, "create-incident-note", ours.pk) == 404
    assert status(bob, connection, "get-incident", ours.pk) == 404
    assert status(bob, connection, "create-incident-note", "x") == 404
    assert status(bob, connection, "create-incident-note", ours.pk) == 200


@pytest.mark.parametrize("key", ["pagerduty/nothing", "other/get-incident"])
def test_an_action_that_is_not_there_is_404(bob: Client, connection: Connection, key: str) -> None:
    path = reverse("actions:try", args=[connection.pk, *key.split("/")])

    assert bob.get(path).status_code == bob.post(path, {}).status_code == 404


def test_sending_needs_the_csrf_token_and_a_membership(who: People, connection: Connection) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(who.bob, backend=BACKEND)
    assert send(strict, connection, "create-incident-note", NOTE).status_code == 403
    Membership.objects.filter(user=who.bob).delete()

    assert send(signed_in(who.bob), connection, "create-incident-note", NOTE).status_code == 403
    assert ActionCall.objects.count() == 0


def test_no_page_shows_a_token_or_runs_inline_script(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    grant = Grant.objects.get()
    called = send(bob, connection, "create-incident-note", NOTE)["Location"]
    history = reverse("actions:calls", args=[connection.pk])

    for path in (list_path(connection), form_path(connection, "create-incident"), called, history):
        page = look(bob, path)
        for secret in (f"access-{connection.pk}", f"refresh-{connection.pk}", grant.access_token):
            assert str(secret) not in page
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page)
