"""Trying an action in the browser: the list, the forms and their pickers, and what a form does when it is sent."""

import re
import threading
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from connections.models import AuditEvent, Connection, Grant, Membership
from pagerduty_app.actions import ACTIONS
from tests.connections.test_pages import BACKEND, signed_in
from tests.people import People, people
from tests.workflows.conftest import API, DANA, add_note, connect
from workflows import lookups
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db
INCIDENT = {
    "id": "PINC1",
    "incident_number": 7,
    "title": "Checkout is slow",
    "status": "triggered",
    "urgency": "high",
    "created_at": "2026-11-01T23:30:00Z",
    "html_url": "https://acme.pagerduty.com/incidents/PINC1",
    "service": {"id": "PSVC1", "summary": "Payments", "type": "service_reference"},
}
NOTE = {"from": DANA, "incident_id": "PINC1", "content": "Look at the queue"}
SENT: dict[str, dict[str, Any]] = {
    "create-incident": {"from": DANA, "service_id": "PSVC1", "title": "Checkout is slow", "urgency": "low"},
    "get-incident": {"incident_id": "PINC1"},
    "update-incident": {"from": DANA, "incident_id": "PINC1", "status": "acknowledged"},
    "create-incident-note": NOTE,
    "list-incidents": {"statuses": ["triggered", "resolved"], "service_ids": ["PSVC1"], "all": True},
    "list-services": {"query": "pay", "limit": 10},
    "list-schedules": {"query": "primary"},
    "list-on-call": {"schedule_id": "PSCHED1"},
    "list-users": {},
    "list-teams": {"all": True},
}


@pytest.fixture
def who(db: None) -> People:
    return people()


@pytest.fixture
def connection(who: People) -> Connection:
    return connect(who.acme)


@pytest.fixture
def bob(who: People) -> Client:
    return signed_in(who.bob)


@pytest.fixture
def provider(pagerduty: responses.RequestsMock) -> responses.RequestsMock:
    """Answers whatever the ten actions and the look-ups ask."""
    page = {"limit": 25, "offset": 0, "more": False, "total": None}
    pagerduty.get(f"{API}/services", json={"services": [{"id": "PSVC1", "name": "Payments"}], **page})
    pagerduty.get(f"{API}/schedules", json={"schedules": [{"id": "PSCHED1", "name": "Primary"}], **page})
    pagerduty.get(f"{API}/schedules/PSCHED1/users", json={"users": [{"id": "PUSER", "name": "Dana"}]})
    pagerduty.get(f"{API}/teams", json={"teams": [], **page})
    pagerduty.get(f"{API}/incidents", json={"incidents": [INCIDENT], **page})
    pagerduty.post(f"{API}/incidents", json={"incident": INCIDENT}, status=201)
    pagerduty.get(f"{API}/incidents/PINC1", json={"incident": INCIDENT})
    pagerduty.put(f"{API}/incidents/PINC1", json={"incident": INCIDENT})
    add_note(pagerduty)
    return pagerduty


def form_path(connection: Connection, action: str) -> str:
    return reverse("actions:try", args=[connection.pk, "pagerduty", action])


def list_path(connection: Connection) -> str:
    return reverse("actions:list", args=[connection.pk])


def typed(data: dict[str, Any]) -> dict[str, Any]:
    """As a browser sends it."""
    return {name: "on" if value is True else value for name, value in data.items()}


def look(browser: Client, path: str) -> str:
    """The form, behind the redirect that gives it its key."""
    answer = browser.get(path, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def once_of(page: str) -> str:
    found = re.search(r'name="_once" value="([0-9a-f]{32})"', page)
    assert found
    return found[1]


def send(
    browser: Client, connection: Connection, action: str, data: dict[str, Any], once: str = "a" * 32
) -> Any:
    return browser.post(form_path(connection, action), {**typed(data), "_once": once})


# --- the list ----------------------------------------------------------------------------------------------
def test_every_action_is_offered_in_plain_words(bob: Client, connection: Connection) -> None:
    page = bob.get(list_path(connection)).content.decode()

    for action in ACTIONS.values():
        assert form_path(connection, action.path[1]) in page
        assert escape(action.description) in page
    assert page.index("Look something up") < page.index("Get incident") < page.index("Change something")
    assert page.index("Change something") < page.index("Create incident")


def test_what_was_not_granted_cannot_be_used_and_says_the_way(bob: Client, connection: Connection) -> None:
    Grant.objects.update(scopes_granted=["incidents.read"])

    page = bob.get(list_path(connection)).content.decode()
    form = look(bob, form_path(connection, "create-incident"))

    assert form_path(connection, "get-incident") in page
    assert form_path(connection, "create-incident") not in page
    assert "Cannot be used: not granted" in page
    assert reverse("connections:reconnect", args=[connection.pk]) in page
    assert "was not granted incidents.write" in form
    assert "Have the permission allowed in PagerDuty" in form
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

    assert "cannot be used now" in page
    assert form_path(other, "get-incident") not in page
    assert (form.status_code, 'name="_once"' in form.content.decode()) == (200, False)


# --- the forms ---------------------------------------------------------------------------------------------
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


def test_of_what_at_least_one_is_wanted_is_seen_at_once(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    page = look(bob, form_path(connection, "update-incident"))

    assert "At least one of these" in page
    assert "More options" not in page


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


# --- once --------------------------------------------------------------------------------------------------
def test_sending_a_form_twice_does_it_once_and_shows_the_same_call(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    once = once_of(look(bob, form_path(connection, "create-incident-note")))

    first = send(bob, connection, "create-incident-note", NOTE, once)
    second = send(bob, connection, "create-incident-note", NOTE, once)

    assert first["Location"] == second["Location"]
    assert ActionCall.objects.count() == 1
    assert sum(call.request.method == "POST" for call in provider.calls) == 1
    assert "It was not done twice" in bob.get(second["Location"]).content.decode()


def test_a_form_changed_after_it_was_sent_is_asked_about_again(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    send(bob, connection, "create-incident-note", NOTE)
    changed = {**NOTE, "content": "Something else"}

    answer = send(bob, connection, "create-incident-note", changed)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing was done now" in page
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
    assert "nothing was done" in answer.content.decode()
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


# --- pickers -----------------------------------------------------------------------------------------------
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


def test_a_list_that_was_refused_becomes_a_line_to_type_in(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    refusal = {"error": {"message": "<b>Access</b> Denied", "code": 2010}}
    pagerduty.get(f"{API}/services", status=403, json=refusal)

    answer = bob.get(form_path(connection, "create-incident"), follow=True)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert re.search(r'<input type="text" name="service_id"', page)
    assert "could not be loaded, so type the ID. (&lt;b&gt;Access&lt;/b&gt; Denied)" in page
    assert f'<option value="{DANA}">' in page


def test_a_list_that_was_not_granted_becomes_a_line_to_type_in(
    bob: Client, connection: Connection, provider: responses.RequestsMock
) -> None:
    Grant.objects.update(scopes_granted=["incidents.read", "incidents.write"])

    page = look(bob, form_path(connection, "create-incident-note"))

    assert re.search(r'<input type="email" name="from"', page)
    assert "was not granted users.read" in page


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
    assert "did not answer in time" in answer.content.decode()
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


# --- who may -----------------------------------------------------------------------------------------------
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
