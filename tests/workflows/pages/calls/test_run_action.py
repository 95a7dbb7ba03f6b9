"""The forms of actions: each action, each wrong input, and that a form does what it says once."""

import re
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from connections.models import AuditEvent, Connection
from pagerduty_app.actions import ACTIONS
from tests.factories import People
from tests.support.agency import NOTE, SENT, connection, form_path, look, once_of, send
from tests.support.browser import signed_in
from workflows.forms.action_fields import Moment
from workflows.models import ActionCall

__all__ = ["connection"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("action", sorted(SENT))
def test_each_action_has_a_form_and_sending_it_makes_one_call(
    bob: Client, who: People, connection: Connection, provider: responses.RequestsMock, action: str
) -> None:
    page = look(bob, form_path(connection, action))
    for name in SENT[action]:
        assert f'name="{name}"' in page

    answer = send(bob, connection, action, SENT[action], once_of(page))

    call = ActionCall.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("actions:call", args=[call.pk]))
    assert (call.status, call.origin, call.user) == ("completed", "person", who.bob)
    assert call.input == SENT[action]
    assert bob.get(answer["Location"]).status_code == 200
    assert AuditEvent.objects.get(action="action.called").actor_label == who.bob.email


def test_the_table_of_actions_tried_here_is_complete() -> None:
    assert {action.path[1] for action in ACTIONS.values()} == set(SENT)


def test_required_fields_come_first_and_options_are_folded_away(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = look(bob, form_path(connection, "create-incident"))

    first, _, more = page.partition('<details class="more">')
    for name in ("from", "service_id", "title"):
        assert re.search(f'name="{name}"[^>]*required', first)
    assert 'name="incident_key"' in more
    assert "required" not in more


@pytest.mark.parametrize(
    ("action", "legend", "shown", "folded"),
    [
        ("update-incident", "at least one", ["status", "title", "urgency", "resolution"], "reopen"),
        ("get-on-call", "one of these", ["schedule_id", "service_id", "escalation_policy_id"], "at"),
    ],
)
def test_the_fields_of_which_one_is_wanted_are_seen_at_once(
    bob: Client,
    connection: Connection,
    provider: responses.RequestsMock,
    action: str,
    legend: str,
    shown: list[str],
    folded: str,
) -> None:
    page = look(bob, form_path(connection, action))

    assert f"Provide {legend}" in page
    before, _, more = page.partition("More options")
    assert all(f'name="{name}"' in before for name in shown)
    assert f'name="{folded}"' in more


@pytest.mark.parametrize(
    ("action", "changes", "field"),
    [
        ("create-incident-note", {"from": ""}, "from"),
        ("create-incident-note", {"from": "dana"}, "from"),
        ("create-incident-note", {"incident_id": "../users"}, "incident_id"),
        ("create-incident-note", {"content": ""}, "content"),
        ("create-incident-note", {"content": "x" * 25_001}, "content"),
        ("create-incident-note", {"content": "nul\x00"}, "content"),
        ("update-incident", {"status": ""}, "status"),
        ("update-incident", {"status": "closed"}, "status"),
        ("update-incident", {"resolution": "fixed"}, "resolution"),
        ("create-incident", {"assignee_ids": ["P1"], "escalation_policy_id": "P2"}, "assignee_ids"),
        ("create-incident", {"assignee_ids": ["P 1!"]}, "assignee_ids"),
        ("list-incidents", {"statuses": ["closed"]}, "statuses"),
        ("list-incidents", {"limit": "101", "all": False}, "limit"),
        ("list-incidents", {"limit": "many", "all": False}, "limit"),
        ("list-incidents", {"limit": "10"}, "all"),
        ("list-incidents", {"since": "yesterday"}, "since"),
        ("list-incidents", {"since": "2026-11-02T00:00", "until": "2026-11-01T00:00"}, "until"),
    ],
    ids=range(17),
)
def test_bad_input_is_named_beside_its_field_and_kept(
    bob: Client,
    connection: Connection,
    provider: responses.RequestsMock,
    action: str,
    changes: dict[str, Any],
    field: str,
) -> None:
    wrong = {name: value for name, value in {**SENT[action], **changes}.items() if value is not False}

    answer = send(bob, connection, action, wrong)

    page = answer.content.decode()
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert f'id="id_{field}_error"' in page
    kept = next(iter(changes.values()))
    kept = kept[0] if isinstance(kept, list) else kept
    assert not kept or "\x00" in str(kept) or escape(str(kept)) in page
    assert once_of(page) == "a" * 32
    assert ActionCall.objects.count() == 0


def test_an_option_that_is_wrong_is_not_folded_away(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = send(bob, connection, "list-users", {"limit": "500"}).content.decode()

    assert '<details class="more" open>' in page


def test_times_are_entered_in_the_readers_zone(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    bob.cookies["zone"] = "Asia/Tokyo"
    page = look(bob, form_path(connection, "list-incidents"))
    assert "In your time zone, Asia/Tokyo." in page

    answer = send(
        bob, connection, "list-incidents", {"since": "2026-11-01T09:00", "until": "2026-11-02T09:00"}
    )

    call = ActionCall.objects.get()
    assert call.input["since"] == "2026-11-01T09:00:00+09:00"
    again = look(bob, form_path(connection, "list-incidents") + f"?again={call.pk}")
    assert 'value="2026-11-01T09:00"' in again
    assert '<details class="more" open>' in again
    assert answer.status_code == 302


def test_several_lines_are_sent_on_with_plain_line_ends(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    send(bob, connection, "create-incident-note", {**NOTE, "content": "one\r\ntwo"})

    assert ActionCall.objects.get().input["content"] == "one\ntwo"


def test_an_address_can_fill_the_form_in(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = look(bob, form_path(connection, "get-incident") + '?incident_id="><script>&other=1')

    assert 'value="&quot;&gt;&lt;script&gt;"' in page
    assert ActionCall.objects.count() == 0


# --- once ---
def test_sending_a_form_twice_does_it_once_and_shows_the_same_call(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    once = once_of(look(bob, form_path(connection, "create-incident-note")))

    first = send(bob, connection, "create-incident-note", NOTE, once)
    second = send(bob, connection, "create-incident-note", NOTE, once)

    assert first["Location"] == second["Location"]
    assert ActionCall.objects.count() == 1
    assert sum(call.request.method == "POST" for call in provider.calls) == 1
    assert "Already submitted" in bob.get(second["Location"]).content.decode()


def test_a_form_changed_after_it_was_sent_is_asked_about_again(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    send(bob, connection, "create-incident-note", NOTE)
    changed = {**NOTE, "content": "Something else"}

    answer = send(bob, connection, "create-incident-note", changed)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing was changed." in page
    assert "Something else" in page
    assert reverse("actions:call", args=[ActionCall.objects.get().pk]) in page
    fresh = once_of(page)
    assert fresh != "a" * 32
    assert send(bob, connection, "create-incident-note", changed, fresh).status_code == 302
    assert ActionCall.objects.count() == 2


@pytest.mark.parametrize("once", ["", "x", "A" * 32, "a" * 33])
def test_a_form_without_its_key_does_nothing(
    bob: Client, connection: Connection, provider: responses.RequestsMock, once: str
) -> None:
    answer = send(bob, connection, "create-incident-note", NOTE, once)

    assert answer.status_code == 400
    assert "Something was missing. Please submit again." in answer.content.decode()
    assert ActionCall.objects.count() == 0


def test_two_people_with_the_same_key_are_two(
    bob: Client, who: People, connection: Connection, provider: responses.RequestsMock
) -> None:
    send(bob, connection, "create-incident-note", NOTE)
    send(signed_in(who.alice), connection, "create-incident-note", NOTE)

    assert ActionCall.objects.count() == 2


def test_going_back_or_loading_the_form_again_keeps_its_key(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    first = bob.get(form_path(connection, "create-incident-note") + "?incident_id=PINC1")

    again = [bob.get(first["Location"]).content.decode() for _ in range(2)]
    another = look(bob, form_path(connection, "create-incident-note"))

    assert once_of(again[0]) == once_of(again[1]) != once_of(another)
    assert 'value="PINC1"' in again[0]


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
def test_a_kept_moment_beyond_the_calendar_is_shown_as_it_is(value: str) -> None:
    assert Moment().prepare_value(value) == value
